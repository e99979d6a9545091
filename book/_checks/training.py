"""Checks of the equations in "Training in seconds"."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from book._checks.arrays import Array, over, with_torch
from book._checks.check import Check
from book._checks.random_numbers import normal, uniform
from book._checks.scope import Given
from vaelib.training import warm_up_and_decay


def cross_entropy(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """torch's, summed over the pixels."""
    return binary_cross_entropy_with_logits(a, x.expand_as(a), reduction="none").sum(-1)


def images() -> list[torch.Tensor]:
    """Three grey images of 784 pixels, and three black and white ones."""
    return [uniform(3, 784), torch.bernoulli(uniform(3, 784, seed=1))]


def pixels():
    """Images and logits, and the log-probability that torch has for them."""
    a = 4 * normal(3, 784)
    return [
        {
            "x_{:i}": over("image i", x),
            "a_{:i}": over("image i", a),
            r"\hat{x}_{:i}": over("image i", a.sigmoid()),
            r"\log p(x \mid z)": over("image", -cross_entropy(a, x)),
        }
        for x in images()
    ]


def products():
    """Products of a hundred factors: random, all of one half, all of (nearly) one."""
    a = torch.cat([4 * normal(3, 100), torch.zeros(1, 100), torch.full((1, 100), 99.0)])
    return {r"\hat{x}_{:i}": over("image i", a.sigmoid())}


def slopes():
    """torch's own cross-entropy for seven grey pixels, as it depends on the logits."""
    x, a = uniform(3, 7), 4 * normal(3, 7)

    def log_p(look) -> Array:
        logits = look("a_i")
        found = with_torch(
            lambda a: -cross_entropy(a, x), Array(logits.data.transpose(_last_i(logits)))
        )
        return over("image", found.data)

    return {
        "x_{:i}": over("image i", x),
        "a_{:i}": over("image i", a),
        r"\hat{x}_{:i}": over("image i", a.sigmoid()),
        r"\log p(x \mid z)": Given(log_p),
    }


def _last_i(logits: Array) -> tuple[int, int]:
    return logits.axes.index("image"), logits.axes.index("i")


def schedules():
    """The factors that fit multiplies the rate by, in runs of 42 and of 23 steps."""
    found = []
    for steps in (42, 23):  # numbers that four does not divide
        factor = warm_up_and_decay(steps)
        found.append(
            {
                r"\eta": 0.03,
                "k": over("k", range(steps)),
                "S": steps,
                r"S_{\mathrm{up}}": steps // 4,
                r"\eta_{:k}": over("k", [0.03 * factor(step) for step in range(steps)], start=0),
            }
        )
    return found


def second_moments(beta2: float, steps: int) -> list[float]:
    """Adam's mean of squares after a first gradient of one, in each step after it."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], betas=(0.9, beta2))
    found = []
    for step in range(steps):
        parameter.grad = torch.full((1,), float(step == 0), dtype=torch.float64)
        optimizer.step()
        found.append(optimizer.state[parameter]["exp_avg_sq"].item())
    return found


def memory():
    """Decay rates made so that a weight is halved in 4 or in 10 steps, and what Adam does."""
    halving = torch.tensor([4.0, 10.0], dtype=torch.float64)
    beta2 = 0.5 ** (1 / halving)
    return {
        r"\beta_2": over("rate", beta2),
        "k": over("k", range(12)),
        "?1": over("rate k", [second_moments(rate, 12) for rate in beta2.tolist()]),
        "?2": over("rate", halving),
    }


def best_constants():
    """The logit that is best for all images at once, by Newton's method on the cross-entropy."""
    found = []
    for x in (uniform(3, 784), uniform(5, 17, seed=1)):
        a = torch.zeros(x.shape[1], dtype=torch.float64)
        for _ in range(60):
            a.requires_grad_()
            loss = binary_cross_entropy_with_logits(a.expand_as(x), x, reduction="sum")
            (slope,) = torch.autograd.grad(loss, a, create_graph=True)
            (curvature,) = torch.autograd.grad(slope.sum(), a)
            a = (a - slope / curvature).detach()
        found.append({r"\bar{x}_{:i}": over("i", x.mean(0)), "a_{:i}": over("i", a)})
    return found


CHECKS = [
    Check(
        label="training-logits",
        how="The right side is compared with minus torch's cross-entropy from the same logits, for "
        "grey images and for black and white ones, in float64.",
        names=pixels,
    ),
    Check(
        label="training-product",
        how="The three sides are compared for random logits; logits of 0 attain the left bound and "
        "large ones the right.",
        names=products,
        floor=0,
    ),
    Check(
        label="training-slope",
        how="torch's cross-entropy for seven grey pixels is differentiated numerically, to ten "
        "digits.",
        names=slopes,
    ),
    Check(
        label="training-schedule",
        how="The factors of `vaelib.training.warm_up_and_decay` in runs of 42 and of 23 steps are "
        "compared.",
        names=schedules,
    ),
    Check(
        label="training-memory",
        how="`torch.optim.Adam` gets one gradient of 1 and then zeros; what is left in its mean of "
        "squares is compared, for rates that halve it in 4 and in 10 steps.",
        names=memory,
    ),
    Check(
        label="training-bias",
        how="The right side is compared with the logits that Newton's method finds to be the best "
        "for random images, in float64.",
        names=best_constants,
    ),
]
