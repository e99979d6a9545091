"""Programs as readers write them: wrong ones with words of their diagnosis, and odd right ones."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from vaelib import exercises

KL, DRAW, IWAE = (
    exercises.check_closed_form_kl,
    exercises.check_reparameterize,
    exercises.check_iwae_bound,
)


def sigma_kl(function):
    return KL(function, second="sigma")


def kl_loss(m, v):
    return -0.5 * (1 + v - m**2 - v.exp())


def bce(r, x):
    return F.binary_cross_entropy(r, x, reduction="sum")


def step_without(*missing):
    def step(loss, optimizer, batch):
        if "zero" not in missing:
            optimizer.zero_grad()
        value = loss(batch)
        if "backward" not in missing:
            value.backward()
        if "step" not in missing:
            optimizer.step()
        return value.item()

    return step


def numpy_noise(mu, log_var):
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(mu.shape))
    return mu + (0.5 * log_var).exp() * noise


WRONG = [  # as readers write them; the words that name the mistake
    (KL, lambda m, v: -torch.sum(1 + v - m**2 - v.exp(), 1), "the 1/2 is missing"),
    (KL, lambda m, v: torch.mean(kl_loss(m, v), 1), "averaged over the latents: sum them"),
    (KL, lambda m, v: kl_loss(m, v).sum(), "summed over the images too"),
    (KL, lambda m, v: kl_loss(m, v).mean(), "averaged over latents and images"),
    (KL, lambda m, v: kl_loss(m, v).sum(1).mean(), "the mean over the images"),
    (KL, kl_loss, "the KL of each latent"),
    (KL, lambda m, v: -kl_loss(m, v).sum(1), "its sign is turned"),
    (KL, lambda m, v: 0.5 * (m**2 + v - 1 - torch.log(v)).sum(1), "taken for the variance"),
    (KL, lambda m, v: -kl_loss(m, 2 * v).sum(1) * -1, "taken for log sigma"),
    (KL, lambda m, v: 0.5 * (m**2 + v.exp() + v - 1).sum(1), "log_var has the wrong sign"),
    (KL, lambda m, v: 0.5 * ((m**2 + v.exp() - v).sum(1) - 1), "once and not for each latent"),
    (KL, lambda m, v: (
        kl_divergence(Normal(torch.zeros_like(m), 1.0), Normal(m, (v / 2).exp())).sum(1)
    ), "q and p are exchanged"),
    (KL, lambda m, v: kl_loss(m.detach(), v).sum(1), "no gradient reaches mu:"),
    (KL, lambda m, v: torch.from_numpy(kl_loss(m, v).detach().numpy()).sum(1), "mu and log_var"),
    (KL, lambda m, v: 3 * kl_loss(m, v).sum(1), "it is 3 times what is wanted everywhere"),
    (KL, lambda m, v: kl_loss(m, v).sum(1) + 0.25, "off by the same number, +0.25"),
    (KL, lambda m, v: kl_loss(m, v).sum(1, keepdim=True), "shape (4, 1) where (4,) is wanted"),
    (KL, lambda m, v: kl_loss(m.float(), v.float()).sum(1), "float32 for float64 arguments"),
    (sigma_kl, lambda m, s: 0.5 * (m**2 + s**2 + s.log() ** 2 - 1).sum(1), "squared and added"),
    (sigma_kl, lambda m, s: 0.5 * (m**2 + s**2 + 2 * s.log() - 1).sum(1), "the wrong sign"),
    (sigma_kl, lambda m, s: 0.5 * (m**2 + s**2 - 2 * s.log()).sum(1) - 0.5, "once and"),
    (sigma_kl, lambda m, s: 0.5 * (m**2 + s - s.log() - 1).sum(1), "taken for the variance"),
    (DRAW, lambda m, v: m + v.exp() * torch.randn_like(m), "the variance is taken for the st"),
    (DRAW, lambda m, v: m + v * torch.randn_like(m), "log-variance is taken for the st"),
    (DRAW, lambda m, v: m + (v / 2).exp() * torch.randn(1), "one draw serves all images"),
    (DRAW, lambda m, v: m + (v / 2).exp() * torch.randn(m.shape[1]), "one draw serves all images"),
    (DRAW, lambda m, v: m + (v / 2).exp() * torch.randn(len(m), 1), "serves all latents"),
    (DRAW, lambda m, v: m + (v / 2).exp() * torch.rand_like(m), "the noise is uniform"),
    (DRAW, lambda m, v: torch.normal(m, (v / 2).exp()), "no gradient reaches mu"),
    (DRAW, lambda m, v: Normal(m, (v / 2).exp()).sample(), "no gradient reaches mu"),
    (DRAW, lambda m, v: m + (v / 2).exp().detach() * torch.randn_like(m), "reaches log_var"),
    (DRAW, lambda m, v: m, "there is no noise"),
    (DRAW, lambda m, v: m + torch.randn_like(m), "sigma is missing"),
    (DRAW, lambda m, v: m + v.sqrt() * torch.randn_like(m), "NaN or infinite"),
    (IWAE, lambda w: w.mean(0), "this is the mean of the logarithms, the ELBO"),
    (IWAE, lambda w: torch.logsumexp(w, 0), "log K is missing"),
    (IWAE, lambda w: w.exp().mean(0).log(), "the weights underflow"),
    (IWAE, lambda w: w.logsumexp(1) - math.log(w.shape[1]), "it runs over the images"),
    (IWAE, lambda w: w.max(0).values, "the largest weight alone"),
    (exercises.check_normalised_weights, lambda w: F.softmax(w, dim=1), "first axis"),
    (exercises.check_normalised_weights, lambda w: w.exp() / w.exp().sum(0), "underflow"),
    (exercises.check_elbo, lambda x, a, m, v: (
        -F.binary_cross_entropy_with_logits(a, x, reduction="none").mean(1) - kl_loss(m, v).sum(1)
    ), "averaged over the pixels"),
    (exercises.check_elbo, lambda x, a, m, v: (
        F.binary_cross_entropy_with_logits(a, x, reduction="none").sum(1) + kl_loss(m, v).sum(1)
    ), "this is the loss"),
    (exercises.check_loss, lambda r, x, m, v: (
        F.binary_cross_entropy(r, x) + kl_loss(m, v).sum(1).mean()
    ), "beta = 784: the cross-entropy is averaged over the 784 values"),
    (exercises.check_loss, lambda r, x, m, v: bce(r, x) + 2 * kl_loss(m, v).sum(), "twice"),
    (exercises.check_loss, lambda r, x, m, v: bce(r, x) - kl_loss(m, v).sum(), "wrong sign"),
    (exercises.check_loss, lambda r, x, m, v: (
        F.mse_loss(r, x, reduction="sum") / 2 + kl_loss(m, v).sum()
    ), "a cross-entropy, and no squared error"),
    (exercises.check_loss, lambda r, x, m, v: (
        bce(r, x) / len(x) + kl_loss(m, v).sum()
    ), "averaged over the batch and the KL is not"),
    (exercises.check_training_step, step_without("zero"), "zero_grad() comes before"),
    (exercises.check_training_step, step_without("step"), "no step is taken"),
    (exercises.check_training_step, step_without("backward"), "backward() is missing"),
    (exercises.check_quantile_grid, lambda g: torch.linspace(-1, 1, g), "is even"),
    (exercises.check_quantile_grid, lambda g: (
        Normal(0.0, 1.0).icdf(torch.arange(g).double() / g)
    ), "begin half a step in"),
    (exercises.check_interpolation, lambda a, b, t: (
        t[:, None] * a + (1 - t[:, None]) * b
    ), "the ends are exchanged"),
    (exercises.check_interpolation, lambda a, b, t: torch.outer(t, b - a), "the start is missing"),
    (exercises.check_effective_beta, lambda w, p, s: w * p / s**2, "the 2 is missing"),
    (exercises.check_effective_beta, lambda w, p, s: w * p / (2 * s), "sigma is not squared"),
    (exercises.check_count_parameters, lambda p, h, d: 2 * p * h + 3 * h * d, "biases are missing"),
    (exercises.check_count_parameters, lambda p, h, d: (
        p * h + h + h * d + d + d * h + h + h * p + p
    ), "its last layer has 2 D outputs"),
    (exercises.check_count_parameters, lambda p, h, d: (
        p * h + h + h * 2 * d + 2 * d + d * h + h + h * p + p + 1
    ), "off by the same number, +1"),
    (exercises.check_coin_kl, lambda q, p: (
        torch.tensor([q, 1 - q]) * torch.tensor([q / p, (1 - q) / (1 - p)]).log2()
    ).sum(), "0 log 0 is 0"),
    (exercises.check_coin_kl, lambda q, p: (
        q * math.log2(q / p) + (1 - q) * math.log2((1 - q) / (1 - p))
    ), "it raises ValueError: math domain error, for q = 1.0, p = 0.5"),
    (exercises.check_kl_estimator, lambda q, p: q - p, "the plain term"),
    (exercises.check_best_sigma, lambda x, y: F.mse_loss(x, y), "take the root"),
    (exercises.check_best_bias, lambda x: x.mean(0), "this is the mean image"),
    (exercises.check_exponential, lambda s, e: -e.log() / s, "taken for the rate"),
    (exercises.check_leave_one_out, lambda g: g.mean(1, keepdim=True) + 0 * g, "leave it out"),
    (exercises.check_posterior, lambda p, x: p * x, "this is the joint probability"),
    (exercises.check_weighted_median, lambda x, w: w @ x, "the weighted mean"),
    (exercises.check_nearest_distance, lambda a, b: torch.cdist(a, b).amin(0), "wrong images"),
    (exercises.check_bits_per_dimension, lambda p, n: -p / n, "in nats"),
]  # fmt: skip


def keyword_only(*, mu, log_var):
    return kl_loss(mu, log_var).sum(-1)


class KLModule(torch.nn.Module):
    def forward(self, mu, log_var):
        return kl_loss(mu, log_var).sum(-1)


def in_a_loop(mu, log_var):
    rows = zip(mu, log_var, strict=True)
    return torch.stack([sum(kl_loss(m, v) for m, v in zip(*row, strict=True)) for row in rows])


def loop_over_draws(w):
    total = w[0]
    for row in w[1:]:
        total = torch.logaddexp(total, row)
    return total - np.log(len(w))


def through_a_shift(w):
    top = w.detach().amax(0)
    return top + (w - top).exp().mean(0).log()


def adam_like_step(loss, optimizer, batch):
    def closure():
        optimizer.zero_grad(set_to_none=False)
        value = loss(batch)
        value.backward()
        return value

    return np.float32(optimizer.step(closure).item())


def no_grad_first(loss, optimizer, batch):
    value = loss(batch)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.detach()


def sorted_median(x, w):
    out = []
    for pixel in x.T:
        order = pixel.argsort()
        out.append(pixel[order][int(torch.searchsorted(w[order].cumsum(0), torch.tensor(0.5)))])
    return torch.stack(out)


def counted_by_torch(p, h, d):
    layers = [torch.nn.Linear(*sizes) for sizes in ((p, h), (h, 2 * d), (d, h), (h, p))]
    return sum(weights.numel() for layer in layers for weights in layer.parameters())


RIGHT = [
    (KL, lambda m, v: kl_divergence(Normal(m, (v / 2).exp()), Normal(0.0, 1.0)).sum(-1)),
    (KL, keyword_only),
    (KL, KLModule()),
    (KL, in_a_loop),
    (KL, lambda mean, s, beta=1.0: -0.5 * beta * (1 + s - mean.pow(2) - s.exp()).sum(dim=1)),
    (KL, lambda m, v: torch.einsum("bd->b", kl_loss(m, v))),
    (sigma_kl, lambda m, s: ((m**2 + s**2 - 1) / 2 - s.log()).sum(1)),
    (DRAW, lambda m, v: Normal(m, torch.exp(0.5 * v)).rsample()),
    (DRAW, lambda m, v: torch.addcmul(m, v.exp().sqrt(), torch.randn(m.shape).double())),
    (DRAW, lambda m, v: m - torch.exp(v / 2) * torch.randn_like(m)),
    (DRAW, numpy_noise),
    (IWAE, lambda w: -math.log(len(w)) + torch.logsumexp(w, dim=0)),
    (IWAE, loop_over_draws),
    (IWAE, through_a_shift),
    (exercises.check_exponential, lambda s, e: -s * torch.log(1 - e)),
    (exercises.check_training_step, adam_like_step),
    (exercises.check_training_step, no_grad_first),
    (exercises.check_weighted_median, sorted_median),
    (exercises.check_count_parameters, counted_by_torch),
    (exercises.check_count_parameters, lambda p, h, d: (
        np.int64(2 * p * h + p + 3 * h * d + 2 * h + 2 * d)
    )),
    (exercises.check_quantile_grid, lambda g: math.sqrt(2) * torch.erfinv(
        (2 * torch.arange(g).double() + 1) / g - 1
    )),
    (exercises.check_loss, lambda r, x, m, v: 7 * (bce(r, x) + kl_loss(m, v).sum())),
    (exercises.check_loss, lambda r, x, m, v: (bce(r, x) + kl_loss(m, v).sum()) / len(x)),
    (exercises.check_interpolation, lambda a, b, t: torch.lerp(a, b, t.unsqueeze(-1))),
    (exercises.check_interpolation, lambda a, b, t: (
        np.outer(1 - t.numpy(), a.numpy()) + np.outer(t.numpy(), b.numpy())
    )),
    (exercises.check_nearest_distance, lambda a, b: torch.cdist(a, b).min(dim=1).values),
    (exercises.check_wide_box, lambda m, d: (
        Normal(0.0, 1.0).icdf(torch.tensor((1 + m ** (1 / d)) / 2)).item()
    )),
    (exercises.check_normalised_weights, lambda w: w.log_softmax(0).exp()),
    (exercises.check_best_bias, lambda x: torch.logit(x.mean(0))),
    (exercises.check_coin_kl, lambda q, p: sum(
        a * math.log2(a / b) for a, b in ((q, p), (1 - q, 1 - p)) if a > 0
    )),
    (exercises.check_mutual_information, lambda q: (
        (q.diag() - q.exp().mean(1).log()).mean().item()
    )),
]  # fmt: skip
