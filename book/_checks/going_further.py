"""Checks of the equations in "Going further"."""

import functools

import numpy as np
import torch
from torch.distributions import Categorical, Independent, MultivariateNormal, Normal

import vaelib
from book._checks.arrays import Array, over
from book._checks.check import Check
from book._checks.flows import mixture_flow, straight_lines
from book._checks.likelihoods import (
    best_sigma,
    end_levels,
    grey_pixels,
    labelled_pixels,
    three_labels,
    two_layers,
)
from book._checks.random_numbers import normal
from book._checks.scope import Law


@functools.cache
def convolutions():
    """Layers of PyTorch's with kernels of 4 x 4, and how many numbers they hold."""
    sizes = [(1, 32), (3, 5), (32, 64), (7, 11), (64, 9)]
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    layers = [kinds[n % 2](before, after, 4) for n, (before, after) in enumerate(sizes)]
    counts = [sum(weights.numel() for weights in layer.parameters()) for layer in layers]
    return {
        r"\mathrm{parameters}_{:l}": over("l", counts),
        r"\mathrm{in}_{:l}": over("l", [before for before, _ in sizes]),
        r"\mathrm{out}_{:l}": over("l", [after for _, after in sizes]),
    }


@functools.cache
def pseudo_inputs():
    """The prior of a VampPriorVAE with five pseudo-inputs, and its posteriors there by PyTorch."""
    torch.manual_seed(0)
    model = vaelib.VampPriorVAE(6, 8, 3, num_components=5).double()
    z = normal(7, 3, seed=2)
    with torch.no_grad():
        mu, log_var = model.encode(model.images_of_the_prior())
        prior = model.prior().log_prob(z).exp()
    parts = Independent(Normal(mu, (log_var / 2).exp()), 1)
    return {
        "p(z)": over("point", prior),
        r"q(z \mid \xi_{:k})": over("point k", parts.log_prob(z[:, None]).exp()),
        "C": 5,
    }


@functools.cache
def flow_posterior():
    """q(z|x) of a FlowVAE by its inverse steps, and the way there as a function of z_0.

    The way ends by two coordinates changing places, so that the determinants are negative.
    """
    torch.manual_seed(0)
    model = vaelib.FlowVAE(6, 8, 3, num_steps=3, step_dim=5).double()
    swapped, noise = [1, 0, 2], normal(4, 3, seed=1)
    with torch.no_grad():
        q = model.posterior(normal(4, 6).sigmoid())
        z_0 = q.mu + (q.log_var / 2).exp() * noise
        z = q.from_noise(noise)
        log_q = q.log_prob(z)

    def way(start: Array) -> Array:
        z = torch.from_numpy(start.data)
        with torch.no_grad():
            for step in q.steps:
                z, _ = step(z, q.told)
        return over("image", z[:, swapped])

    return {
        r"q(z \mid x)": over("image", log_q.exp()),
        r"q_0(:z \mid x)": Law(
            MultivariateNormal,
            over("image", q.mu),
            over("image", torch.diag_embed(q.log_var.exp())),
        ),
        "z_0": over("image", z_0),
        "T(:z)": way,
        "z": over("image", z[:, swapped]),
    }


@functools.cache
def code_grids():
    """Two places and three codes: every grid, its probability, and p(x) by the sum over them.

    The second image can come from one grid alone, so that the bound is tight there.
    """
    first, second = normal(3).softmax(0), normal(3, 3, seed=1).softmax(1)  # p(k_1), p(k_2|k_1)
    vectors, found = normal(3, 2, seed=2), normal(4, 2, 2, seed=3)  # (code, d), (image, place, d)
    p_x = normal(2, 3, 3, seed=4).exp()  # p(x|z) of two images at each grid
    p_x[1] = 0
    p_x[1, 0, 2] = 0.7
    grids = [(0, 0, 1), (0, 2, 2), (1, 0, 2)]  # an image, and the codes that its encoder names
    image, k_1, k_2 = torch.tensor(grids).T
    nearest = vaelib.models.code_prior.nearest_codes(found.flatten(1), vectors)
    sent = vaelib.models.vq.Codes(found.flatten(1), vectors).mean.unflatten(1, (2, 2))
    return {
        "k_{:i}": over("image i", nearest + 1),
        r"\mu_{:i}": over("image i", found),
        r"\vartheta_{:k}": over("k", vectors),
        "z_{:i}": over("image i", sent),
        "p(x)": over("grid", (p_x * first[:, None] * second).sum((1, 2))[image]),
        r"p(x \mid z)": over("grid", p_x[image, k_1, k_2]),
        r"p(k_{:i} \mid k_1, \dots, k_{i-1})": over(
            "i grid", torch.stack([first[k_1], second[k_1, k_2]])
        ),
    }


def code_use():
    """How often nine codes are used."""
    share = np.array([4.0, 1, 3, 7, 2, 2, 9, 1, 5]) / 34
    return {
        r"\mathrm{perplexity}": Categorical(torch.from_numpy(share)).entropy().exp(),
        r"\mathrm{share}_{:k}": over("k", share),
        "C": 9,
    }


CHECKS = [
    Check(
        label="going-further-convolution",
        how="The numbers that five convolutions of PyTorch hold are counted, each way.",
        names=convolutions,
    ),
    Check(
        label="going-further-conditional",
        how="Three labels of a model with one latent and one pixel, where p(x|y) is known, and "
        "three q for each by quadrature; with the true posterior, and only there, both sides are "
        "equal.",
        names=three_labels,
    ),
    Check(
        label="going-further-labels",
        how="All 32 images of five pixels, with four labels; the mixture and its posterior from "
        "`torch.distributions`. With one label alone both sides of the last line are equal.",
        names=labelled_pixels,
    ),
    Check(
        label="going-further-ends",
        how="The logistic density is integrated beyond the two ends, and "
        "`vaelib.discretized_logistic_log_likelihood` asked.",
        names=end_levels,
        tolerance=1e-6,
    ),
    Check(
        label="going-further-continuous",
        how="PyTorch's continuous Bernoulli at four pixels and four logits, one of them near 0; "
        "and the integral over all grey pixels, by quadrature.",
        names=grey_pixels,
        tolerance=1e-7,
    ),
    Check(
        label="going-further-sigma",
        how="The best s for six images and three draws of each is found by bisection on the "
        "slope of the likelihood.",
        names=best_sigma,
    ),
    Check(
        label="going-further-two-layers",
        how="Two latents and a pixel, all Gaussian, by quadrature over both layers; with the true "
        "posterior both sides are equal.",
        names=two_layers,
    ),
    Check(
        label="going-further-vamp",
        how="The prior of a `vaelib.VampPriorVAE` with five pseudo-inputs, and its posteriors "
        "there as Gaussians of `torch.distributions`.",
        names=pseudo_inputs,
    ),
    Check(
        label="going-further-matching",
        how="Two million lines to three codes of one number: the v of least squares at seven "
        "places, and the mean of the lines there by Bayes' rule.",
        names=straight_lines,
    ),
    Check(
        label="going-further-flow-prior",
        how="Codes in the plane, each coordinate a mixture of two Gaussians: where a latent is at "
        "t follows from its quantile, which the way keeps, and the velocity from Bayes' rule; both "
        "are differentiated numerically, and the density is compared with that of the mixture.",
        names=mixture_flow,
        tolerance=1e-7,
    ),
    Check(
        label="going-further-flow",
        how="The density of a `vaelib.FlowVAE` with three latents by its inverse steps, with two "
        "latents exchanged at the end, against the determinant of the Jacobian matrix, which is "
        "numerical, to ten digits.",
        names=flow_posterior,
    ),
    Check(
        label="going-further-codes",
        how="The nearest codes as `vaelib` finds them; and with three codes at two places every "
        "grid is summed over. Where one grid alone explains the image both sides are equal.",
        names=code_grids,
    ),
    Check(
        label="going-further-perplexity",
        how="The entropy of nine codes' use is that of `torch.distributions`.",
        names=code_use,
    ),
]
