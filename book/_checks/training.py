"""Checks of the equations in "Training in seconds"."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from book._checks.check import Check
from vaelib.training import warm_up_and_decay


def pixels() -> torch.Tensor:
    """Three images of 784 grey pixels, in float64."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 784, generator=generator, dtype=torch.float64)


def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 4 * torch.randn(3, 784, generator=generator, dtype=torch.float64)


def cross_entropy():
    """The sum over the pixels as torch has it, from the same logits."""
    x, a = pixels(), logits()
    x_hat = 1 / (1 + torch.exp(-a))
    return {
        "x": x,
        "a": a,
        "x_hat": x_hat,
        "max": larger,
        "sum": lambda t: t.sum(1),
        "expected": torch.distributions.Bernoulli(x_hat, validate_args=False).log_prob(x).sum(1),
    }


def larger(first, second):
    return torch.maximum(first, torch.as_tensor(second, dtype=torch.float64))


def products():
    """Products of a hundred factors: random, all of one half, all of (nearly) one."""
    a = torch.cat([logits()[:, :100], torch.zeros(1, 100), torch.full((1, 100), 99.0)])
    return {
        "x_hat": a.sigmoid(),
        "max": larger,
        "prod": lambda t: t.prod(1),
        "log2": lambda t: torch.as_tensor(t, dtype=torch.float64).log2(),
    }


def slopes():
    """What autograd finds for torch's own cross-entropy."""
    x, a = pixels(), logits().requires_grad_()
    total = -binary_cross_entropy_with_logits(a, x, reduction="sum")
    (slope,) = torch.autograd.grad(total, a)
    return {"x": x, "x_hat": a.detach().sigmoid(), "slope": slope}


def schedule():
    """The factors that fit multiplies the rate by, in a run of 40 steps."""
    factor = warm_up_and_decay(40)
    k = torch.arange(40, dtype=torch.float64)
    rates = 0.03 * torch.tensor([factor(step) for step in range(40)], dtype=torch.float64)
    return {"eta": 0.03, "k": k, "S": 40.0, "min": torch.minimum, "rates": rates}


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
    weights = [second_moments(rate, 12) for rate in beta2.tolist()]
    return {
        "beta2": beta2.unsqueeze(1),
        "k": torch.arange(12, dtype=torch.float64),
        "weights": torch.tensor(weights, dtype=torch.float64),
        "halving": halving.unsqueeze(1),
        "log": lambda t: torch.as_tensor(t, dtype=torch.float64).log(),
    }


def best_constants():
    """The logit that is best for all images at once, by Newton's method on the cross-entropy."""
    x, a = pixels(), torch.zeros(784, dtype=torch.float64)
    for _ in range(60):
        a.requires_grad_()
        loss = binary_cross_entropy_with_logits(a.expand_as(x), x, reduction="sum")
        (slope,) = torch.autograd.grad(loss, a, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), a)
        a = (a - slope / curvature).detach()
    return {"x_bar": x.mean(0), "best": a, "log": torch.log}


CHECKS = [
    Check(
        label="training-logits",
        how="The right side is compared with the log-probability of torch.distributions.Bernoulli "
        "for random grey images and logits, in float64.",
        tex=r"""\log p(x \mid z) = \sum_{i=1}^{784} x_i\,a_i - \max(a_i, 0)
            + \log \max(\hat{x}_i, 1 - \hat{x}_i) .""",
        chains=(("expected", "sum(x * a - max(a, 0) + max(x_hat, 1 - x_hat).log())"),),
        names=cross_entropy,
    ),
    Check(
        label="training-product",
        how="The binary logarithms of the three sides are compared; logits of 0 attain the left "
        "bound and large ones the right.",
        tex=r"2^{-100} \le \prod_{i=1}^{100} \max(\hat{x}_i, 1 - \hat{x}_i) \le 1",
        chains=(("log2(2.0 ** -100)", "log2(prod(max(x_hat, 1 - x_hat)))", "log2(1.0)"),),
        names=products,
        relation="<=",
    ),
    Check(
        label="training-slope",
        how="The right side is compared with what autograd finds for torch's cross-entropy.",
        tex=r"\frac{\partial \log p(x \mid z)}{\partial a_i} = x_i - \hat{x}_i .",
        chains=(("slope", "x - x_hat"),),
        names=slopes,
    ),
    Check(
        label="training-schedule",
        how="The factors of vaelib.training.warm_up_and_decay in a run of 40 steps are compared.",
        tex=r"""\eta_k = \eta\,\min\left( \frac{k + 1}{S / 4},\ \frac{S - k}{S - S / 4} \right) ,
            \qquad k = 0, \dots, S - 1 .""",
        chains=(("rates", "eta * min((k + 1) / (S / 4), (S - k) / (S - S / 4))"),),
        names=schedule,
    ),
    Check(
        label="training-memory",
        how="torch.optim.Adam gets one gradient of 1 and then zeros; what is left in its mean of "
        "squares is compared, for rates that halve it in 4 and in 10 steps.",
        tex=r"""(1 - \beta_2)\,\beta_2^k , \qquad \text{which is halved every} \quad
            \frac{\log 2}{-\log \beta_2} \quad \text{steps.}""",
        chains=(
            ("weights", "(1 - beta2) * beta2 ** k"),
            ("halving", "log(2.0) / -log(beta2)"),
        ),
        names=memory,
    ),
    Check(
        label="training-bias",
        how="The right side is compared with the logits that Newton's method finds to be the best "
        "for random images, in float64.",
        tex=r"a_i = \log \frac{\bar{x}_i}{1 - \bar{x}_i} ,",
        chains=(("best", "log(x_bar / (1 - x_bar))"),),
        names=best_constants,
    ),
]
