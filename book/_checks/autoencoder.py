"""Checks of the equations in "The autoencoder"."""

import math

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn.functional import binary_cross_entropy

import vaelib
from book._checks.arrays import over
from book._checks.check import Check
from book._checks.random_numbers import normal, uniform
from book._checks.scope import Given


def networks():
    """Small autoencoders: one of layers that are all of one size, where a wrong one would fit."""
    return [network(5, 5, 5), network(12, 7, 3)]


def network(*sizes: int):
    """A `vaelib.Autoencoder`, and what its own layers give for eleven images."""
    torch.manual_seed(0)
    model = vaelib.Autoencoder(*sizes).double()
    layers = [model.encoder[0], model.encoder[2], model.decoder[0], model.decoder[2]]
    names = {}
    for number, layer in enumerate(layers, start=1):
        nn.init.normal_(layer.bias)
        names[f"A_{number}"] = layer.weight
        names[f"b_{number}"] = layer.bias
    images = uniform(11, sizes[0])
    rebuilt, codes = model(images)
    return {
        **names,
        "x": over("image", images),
        "z": over("image", codes),
        "a": over("image", model.decoder(codes)),
        r"\hat{x}": over("image", rebuilt),
    }


def other_coordinates():
    """The networks, and invertible matrices that change the coordinates of their codes."""
    first, second = networks()
    return [{**first, "T": normal(5, 5)}, {**second, "T": normal(3, 3)}]


def batches():
    """A batch of grey images and one of black and white, and torch's cross-entropy."""
    x_hat, grey = uniform(5, 784), uniform(5, 784, seed=1)
    black_and_white = torch.bernoulli(uniform(5, 784, seed=2))
    return [
        {
            r"x_{:i}^{(:n)}": over("n i", x),
            r"\hat{x}_{:i}^{(:n)}": over("n i", x_hat),
            "B": 5,
            r"\mathcal{L}": binary_cross_entropy(x_hat, x, reduction="sum") / 5,
        }
        for x in (grey, black_and_white)
    ]


def some_pixels():
    """Grey pixels and logits; the probability of a pixel is the sigmoid of its logit."""
    return {
        "x_{:i}": over("i", uniform(4)),
        "a_{:i}": over("i", 2 * normal(4, seed=1)),
        r"\hat{x}_{:i}": Given(lambda look: look("a_i").of(lambda a: 1 / (1 + np.exp(-a)))),
    }


def pixel_pairs():
    """All pairs of an intensity and an answer to it, equal ones among them."""
    values = torch.linspace(0.03, 0.96, 32, dtype=torch.float64)
    x, x_hat = torch.cartesian_prod(values, values).T
    return {"x_{:i}": over("i", x), r"\hat{x}_{:i}": over("i", x_hat)}


def some_images():
    """Images that share an answer."""
    x = uniform(11, 17)
    return {
        "x^{(:n)}": over("n", x),
        r"\hat{x}": uniform(17, seed=1),
        r"\bar{x}": x.mean(0),
        "N": 11,
    }


def linear_autoencoders():
    """The best linear autoencoders of two sizes of images, tried beside others, and eigenvalues.

    The best is found by alternating least squares. Two numbers of pixels stand for 784.
    """
    return [linear_autoencoder(*sizes) for sizes in ((13, 4, 37), (11, 2, 29))]


def linear_autoencoder(pixels: int, codes: int, images: int):
    scales = torch.linspace(4, 0.3, pixels, dtype=torch.float64) ** 2
    x = (normal(images, pixels) * scales + normal(pixels, seed=1)).T  # an image a column
    ones = torch.ones(1, images, dtype=torch.float64)
    code = normal(codes, images, seed=2)
    for _ in range(400):  # the best decoder for the code, then the best code for the decoder
        decoder = x @ torch.linalg.pinv(torch.cat([code, ones]))
        weight, bias = decoder[:, :codes], decoder[:, codes]
        code = torch.linalg.pinv(weight) @ (x - bias[:, None])
    back = torch.linalg.pinv(weight)
    best = {"A_{21}": back, "b_{21}": -back @ bias, "A_{43}": weight, "b_{43}": bias}
    tried = {name: [value, value + 0.1, 0.9 * value] for name, value in best.items()}
    return {
        **{name: over("try", torch.stack(values)) for name, values in tried.items()},
        "x^{(:n)}": over("n", x.T),
        "N": images,
        "D": codes,
        "784": pixels,
        r"\lambda_{:i}": over("i", torch.linalg.eigvalsh(x.cov(correction=0)).flip(0)),
    }


def logits():
    """Logits of ten classes for a few images, and torch's probabilities."""
    a = 3 * normal(10, 6)  # a class a row
    return {
        "a_{:y}": over("y image", a, start=0),
        r"\mathrm{conf}(x)": over("image", Categorical(logits=a.T).probs.amax(1)),
    }


def neighbours():
    """Queries and references, and every distance between them from the standard library."""
    x, references = normal(6, 5), normal(20, 5, seed=1)
    every = [min(math.dist(a, b) for b in references.tolist()) for a in x.tolist()]
    return {
        "x": over("image", x),
        "x^{(:n)}": over("n", references),
        r"\mathrm{dist}(x)": over("image", every),
    }


def intervals():
    """Codes on a line whose intervals do not overlap: on a fine grid, and where they end.

    The grid's points miss the intervals' ends. Those of the second dictionary meet them, and there
    vaelib says what counts as near.
    """
    box = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    codes = torch.tensor([[0.125], [0.5], [0.8125]], dtype=torch.float64)
    grid = vaelib.holes.box_grid(box, 512)
    ends = torch.cat([codes - 1 / 16, codes + 1 / 16, codes - 1 / 8, codes + 3 / 32])
    return [
        {
            r"\tilde{z}^{(:k)}": over("k", points),
            "z^{(:n)}": over("n", codes),
            r"\rho": 1 / 16,
            "K": len(points),
            r"\mathrm{empty}(\rho)": expected,
            "?1": vaelib.holes.empty_fraction(points, codes, 1 / 16),
        }
        for points, expected in ((grid, 1 - 3 * 2 / 16), (ends, 1 / 2))
    ]


CHECKS = [
    Check(
        label="autoencoder-layers",
        how="The layers, written out with the weights of two small networks, are compared with the "
        "code, the logits and the rebuilt image that a `vaelib.Autoencoder` gives.",
        names=networks,
    ),
    Check(
        label="autoencoder-loss",
        how="On grey images, and on black and white ones, the loss is compared with "
        "`torch.nn.functional.binary_cross_entropy`.",
        names=batches,
    ),
    Check(
        label="autoencoder-gradient",
        how="For four grey pixels the left side is differentiated numerically, to ten digits.",
        names=some_pixels,
    ),
    Check(
        label="autoencoder-floor",
        how="Both sides are compared on all pairs of 32 intensities and 32 answers; they must be "
        "equal somewhere, and only somewhere.",
        names=pixel_pairs,
    ),
    Check(
        label="autoencoder-mean",
        how="Both sides are evaluated on random images and a random answer to them.",
        names=some_images,
    ),
    Check(
        label="autoencoder-scale",
        how="Both lines are evaluated with the weights of two small networks and an "
        "invertible matrix.",
        names=other_coordinates,
    ),
    Check(
        label="autoencoder-empty",
        how="On a grid over a line the fraction is compared with the length outside three "
        "intervals that do not overlap, and on the intervals' ends with "
        "`vaelib.holes.empty_fraction`.",
        names=intervals,
    ),
    Check(
        label="autoencoder-pca",
        how="For images of 11 and of 13 pixels in the place of 784: the weights are found by "
        "alternating least squares, which knows no eigenvalue, are better than others that were "
        "tried, and are compared with the eigenvalues of the covariance.",
        names=linear_autoencoders,
    ),
    Check(
        label="autoencoder-confidence",
        how="The largest softmax is compared with the largest probability that "
        "`torch.distributions.Categorical` has for the same logits.",
        names=logits,
    ),
    Check(
        label="autoencoder-nearest",
        how="Both forms are compared with the smallest of all distances that Python's math.dist "
        "gives.",
        names=neighbours,
    ),
]
