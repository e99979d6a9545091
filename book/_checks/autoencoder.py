"""Checks of the equations in "The autoencoder"."""

import math

import sympy
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical

import vaelib
from book._checks.check import Check


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def maximum(floor, values):
    return values.clamp(min=floor)


def network():
    """A small `vaelib.Autoencoder`, its weights by the page's names, and what it gives."""
    torch.manual_seed(0)
    model = vaelib.Autoencoder(12, 7, 2).double()
    layers = [
        model.encoder[0],
        model.encoder[2],
        model.decoder[0],
        model.decoder[2],
    ]
    names = {}
    for number, layer in enumerate(layers, start=1):
        nn.init.normal_(layer.bias)
        names[f"A{number}"] = layer.weight.detach()
        names[f"b{number}"] = layer.bias.detach()[:, None]
    images = uniform(5, 12)
    rebuilt, codes = model(images)
    oracles = {"encoded": codes.T.detach(), "rebuilt": rebuilt.T.detach()}
    return {**names, **oracles, "x": images.T, "max": maximum, "exp": torch.exp}


def layers():
    """The network and its logits."""
    names = network()
    logits = "A4 @ max(0, A3 @ encoded + b3) + b4"
    return {**names, "z": names["encoded"], "a": eval(logits, dict(names))}


def other_coordinates():
    """The network, and an invertible matrix that changes the coordinates of its code."""
    names = layers()
    matrix = torch.tensor([[3.0, -1.0], [0.5, 0.2]], dtype=torch.float64)
    return {
        **names,
        "T": matrix,
        "inverse": torch.linalg.inv,
        "z_new": matrix @ names["z"],
    }


def batch():
    """Binary images, where minus the loss is a log-probability that torch knows."""
    x_hat = uniform(5, 784)
    x = torch.bernoulli(uniform(5, 784, seed=1))
    oracle = -Bernoulli(probs=x_hat).log_prob(x).sum() / 5
    return {
        "x": x,
        "x_hat": x_hat,
        "B": 5,
        "log": torch.log,
        "sum": torch.sum,
        "oracle": oracle,
    }


def one_pixel():
    """A pixel's symbols; its probability is the sigmoid of its logit."""
    x, a = sympy.symbols("x a", real=True)
    x_hat = 1 / (1 + sympy.exp(-a))

    def log(value):
        if not value.subs(a, 0) > 0:  # SymPy's logarithm of -x has the derivative of log x
            raise ValueError(f"{value} has no real logarithm")
        return sympy.log(value)

    return {"x": x, "a": a, "x_hat": x_hat, "log": log, "diff": sympy.diff}


def pixel_pairs():
    """All pairs of an intensity and an answer to it, equal ones among them."""
    values = torch.linspace(0.03, 0.96, 32, dtype=torch.float64)
    return {"x": values[:, None], "x_hat": values[None, :], "log": torch.log}


def some_images():
    """Images that share an answer."""
    x = uniform(9, 12)
    return {
        "x": x,
        "x_hat": uniform(12, seed=1),
        "x_bar": x.mean(0),
        "N": 9,
        "sum": torch.sum,
    }


def linear_autoencoder():
    """The best linear autoencoder, found by alternating least squares, and the eigenvalues."""
    scales = torch.tensor([4.0, 3.0, 1.0, 0.7, 0.5, 0.2], dtype=torch.float64)
    x = (normal(40, 6) * scales + normal(6, seed=1)).T  # (6, N): an image a column
    ones = torch.ones(1, 40, dtype=torch.float64)
    code = normal(2, 40, seed=2)
    for _ in range(200):  # the best decoder for the code, then the best code for the decoder
        decoder = x @ torch.linalg.pinv(torch.cat([code, ones]))
        A2, b2 = decoder[:, :2], decoder[:, 2:]
        code = torch.linalg.pinv(A2) @ (x - b2)
    encoder = code @ torch.linalg.pinv(torch.cat([x, ones]))
    names = {
        "A1": encoder[:, :6],
        "b1": encoder[:, 6:],
        "A2": A2,
        "b2": b2,
        "x": x,
        "N": 40,
    }
    eigenvalues = torch.linalg.eigvalsh(x.cov(correction=0)).flip(0)
    return {**names, "lam": eigenvalues, "D": 2, "sum": torch.sum}


def logits():
    """Logits of ten classes for a few images."""
    a = 3 * normal(10, 6)  # a class a row
    oracle = Categorical(logits=a.T).probs.amax(1)
    return {
        "a": a,
        "exp": torch.exp,
        "sum": lambda t: t.sum(0),
        "max": max_row,
        "oracle": oracle,
    }


def max_row(values):
    return values.amax(0)


def neighbours():
    """Queries and references, and every distance between them from the standard library."""
    x, references = normal(6, 5), normal(20, 5, seed=1)
    every = [min(math.dist(a, b) for b in references.tolist()) for a in x.tolist()]
    return {
        "x": x[:, None],
        "x_n": references[None],
        "norm": lambda t: t.norm(dim=-1),
        "dot": lambda s, t: (s * t).sum(-1),
        "min": lambda t: t.amin(1),
        "sqrt": torch.sqrt,
        "oracle": torch.tensor(every, dtype=torch.float64),
    }


def intervals():
    """Codes on a line whose intervals do not overlap, and a grid that their ends do not touch."""
    box = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    z_n = torch.tensor([[0.125], [0.5], [0.8125]], dtype=torch.float64)
    points = vaelib.holes.box_grid(box, 512)
    return {
        "distances": (points[:, None] - z_n[None]).norm(dim=-1),
        "rho": 1 / 16,
        "K": len(points),
        "one": lambda condition: condition.double(),
        "min": lambda t: t.amin(1),
        "sum": torch.sum,
        "oracle": 1 - 3 * 2 / 16,
        "library": vaelib.holes.empty_fraction(points, z_n, 1 / 16),
    }


CHECKS = [
    Check(
        label="autoencoder-layers",
        how="The layers, written out with the weights of a small network, are compared with the "
        "code and the rebuilt image that vaelib.Autoencoder gives.",
        tex=r"""\begin{aligned}
            z &= A_2 \max(0,\, A_1 x + b_1) + b_2 , \\
            a &= A_4 \max(0,\, A_3 z + b_3) + b_4 , \\
            \hat{x} &= \frac{1}{1 + e^{-a}} .
            \end{aligned}""",
        chains=(
            ("encoded", "A2 @ max(0, A1 @ x + b1) + b2"),
            ("a", "A4 @ max(0, A3 @ z + b3) + b4"),
            ("rebuilt", "1 / (1 + exp(-a))"),
        ),
        names=layers,
    ),
    Check(
        label="autoencoder-loss",
        how="On random binary images the loss is compared with minus the mean log-probability of "
        "torch.distributions.Bernoulli.",
        tex=r"""\begin{aligned}
            \mathcal{L} = \frac{1}{B} \sum_{n=1}^{B} \sum_{i=1}^{784}
            &- x_i^{(n)} \log \hat{x}_i^{(n)} \\
            &- (1 - x_i^{(n)}) \log (1 - \hat{x}_i^{(n)}) .
            \end{aligned}""",
        chains=(("oracle", "1 / B * sum(-x * log(x_hat) - (1 - x) * log(1 - x_hat))"),),
        names=batch,
    ),
    Check(
        label="autoencoder-gradient",
        how="SymPy differentiates the left side and simplifies the difference to zero.",
        tex=r"""\begin{aligned}
            \frac{\partial}{\partial a_i}
            \Big[ &- x_i \log \hat{x}_i \\
            &- (1 - x_i) \log (1 - \hat{x}_i) \Big]
            = \hat{x}_i - x_i .
            \end{aligned}""",
        chains=(("diff(-x * log(x_hat) - (1 - x) * log(1 - x_hat), a)", "x_hat - x"),),
        names=one_pixel,
    ),
    Check(
        label="autoencoder-floor",
        how="Both sides are compared on all pairs of 32 intensities and 32 answers; they must be "
        "equal somewhere.",
        tex=r"""\begin{aligned}
            &- x_i \log x_i - (1 - x_i) \log (1 - x_i) \\
            &\quad \le\; - x_i \log \hat{x}_i - (1 - x_i) \log (1 - \hat{x}_i) .
            \end{aligned}""",
        chains=(
            (
                "-x * log(x) - (1 - x) * log(1 - x)",
                "-x * log(x_hat) - (1 - x) * log(1 - x_hat)",
            ),
        ),
        names=pixel_pairs,
        relation="<=",
    ),
    Check(
        label="autoencoder-pca",
        how="The minimum over the weights is found by alternating least squares, which knows no "
        "eigenvalue, and compared with the eigenvalues of the covariance.",
        tex=r"""\begin{aligned}
            \min_{A_1, b_1, A_2, b_2} \; \frac{1}{N} \sum_{n=1}^{N}
            &\big\| x^{(n)} - A_2 (A_1 x^{(n)} + b_1) - b_2 \big\|^2 \\
            &= \sum_{i=D+1}^{784} \lambda_i .
            \end{aligned}""",
        chains=(("1 / N * sum((x - A2 @ (A1 @ x + b1) - b2) ** 2)", "sum(lam[D:])"),),
        names=linear_autoencoder,
    ),
    Check(
        label="autoencoder-mean",
        how="Both sides are evaluated on random images and a random answer to them.",
        tex=r"""\begin{aligned}
            &\frac{1}{N} \sum_{n=1}^{N} \big\| x^{(n)} - \hat{x} \big\|^2 \\
            &\quad = \big\| \hat{x} - \bar{x} \big\|^2
            + \frac{1}{N} \sum_{n=1}^{N} \big\| x^{(n)} - \bar{x} \big\|^2 ,
            \end{aligned}""",
        chains=(
            (
                "1 / N * sum((x - x_hat) ** 2)",
                "sum((x_hat - x_bar) ** 2) + 1 / N * sum((x - x_bar) ** 2)",
            ),
        ),
        names=some_images,
    ),
    Check(
        label="autoencoder-scale",
        how="Both lines are evaluated with the weights of a small network and an invertible "
        "matrix.",
        tex=r"""\begin{aligned}
            &(T\,A_2) \max(0,\, A_1 x + b_1) + T\,b_2 = T\,z , \\
            &A_4 \max\!\big(0,\, (A_3 T^{-1})(T\,z) + b_3\big) + b_4 \\
            &\quad = A_4 \max(0,\, A_3 z + b_3) + b_4 .
            \end{aligned}""",
        chains=(
            ("(T @ A2) @ max(0, A1 @ x + b1) + T @ b2", "T @ z"),
            (
                "A4 @ max(0, (A3 @ inverse(T)) @ (T @ z) + b3) + b4",
                "A4 @ max(0, A3 @ z + b3) + b4",
            ),
        ),
        names=other_coordinates,
    ),
    Check(
        label="autoencoder-confidence",
        how="The largest softmax is compared with the largest probability that "
        "torch.distributions.Categorical has for the same logits.",
        tex=r"""\mathrm{conf}(x) = \max_{y} \; \frac{e^{a_y}}{\sum_{y'=0}^{9} e^{a_{y'}}} .""",
        chains=(("oracle", "max(exp(a) / sum(exp(a)))"),),
        names=logits,
    ),
    Check(
        label="autoencoder-nearest",
        how="Both forms are compared with the smallest of all distances that Python's math.dist "
        "gives.",
        tex=r"""\begin{aligned}
            \mathrm{dist}(x) &= \min_{n} \big\| x - x^{(n)} \big\| \\
            &= \min_{n} \sqrt{ \| x \|^2 - 2\, x \cdot x^{(n)} + \| x^{(n)} \|^2 } .
            \end{aligned}""",
        chains=(
            (
                "oracle",
                "min(norm(x - x_n))",
                "min(sqrt(norm(x) ** 2 - 2 * dot(x, x_n) + norm(x_n) ** 2))",
            ),
        ),
        names=neighbours,
    ),
    Check(
        label="autoencoder-empty",
        how="On a grid over a line the fraction is compared with the length outside three "
        "intervals that do not overlap, and with vaelib.holes.empty_fraction.",
        tex=r"""\begin{aligned}
            &\mathrm{empty}(\rho) \\
            &\quad = \frac{1}{K} \sum_{k=1}^{K}
            \Big[ \min_{n} \big\| \tilde{z}^{(k)} - z^{(n)} \big\| > \rho \Big] .
            \end{aligned}""",
        chains=(("oracle", "1 / K * sum(one(min(distances) > rho))", "library"),),
        names=intervals,
    ),
]
