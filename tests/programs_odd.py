"""Unusual programs of the exercises that are right."""

import functools
import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Independent, Normal, kl_divergence

from tests.programs_strange import DRAW, GRID, IMAGES, IWAE, KL, SIGMA, STEP, kl
from vaelib import exercises


def plain(mu, log_var):
    return -0.5 * (1.0 + log_var - mu**2 - log_var.exp()).sum(-1)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is deprecated, and readers have it
    scripted = torch.jit.script(plain)


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, mu, log_var):
        half = self.share.to(mu.dtype)
        return (half * (mu.square() + log_var.exp() - 1 - log_var)).sum(-1)


class Methods:
    """A class with its program as a method, of an instance, of the class and of none."""

    scale = 0.5

    def of_instance(self, mu, log_var):
        return self.scale * (mu**2 + log_var.exp() - 1 - log_var).sum(1)

    @classmethod
    def of_class(cls, mu, log_var):
        return cls().of_instance(mu, log_var)

    @staticmethod
    def of_none(mu, log_var):
        return Methods.of_class(mu, log_var)

    __call__ = of_instance


def one_image(mu, log_var):
    return 0.5 * (mu @ mu + log_var.exp().sum() - len(mu) - log_var.sum())


def on_copies(mu, log_var):
    total = mu.clone()
    total.mul_(mu).add_(log_var.exp()).sub_(1).sub_(log_var)
    return total.sum(1).div_(2)


def filled(mu, log_var):
    result = mu.new_empty(len(mu))
    for place in range(len(mu)):
        result[place] = one_image(mu[place], log_var[place])
    return result


def in_float64(mu, log_var):
    return kl(mu.double(), log_var.double()).to(mu.dtype)


def through_normals(mu, log_var):
    q = Independent(Normal(mu, torch.exp(log_var / 2)), 1)
    p = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return kl_divergence(q, p)


def through_covariances(mu, log_var):
    cov = torch.diag_embed(log_var.exp())
    trace = cov.diagonal(dim1=-2, dim2=-1).sum(-1)
    return 0.5 * (trace + mu.pow(2).sum(-1) - mu.shape[-1] - torch.logdet(cov))


def printing(mu, log_var):
    print("shapes", mu.shape, log_var.shape)
    return kl(mu, log_var)


def under_autocast(mu, log_var):
    with torch.autocast("cpu", enabled=False):
        return kl(mu, log_var)


def one_step_of_an_autograd(loss, optimizer, batch):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    value = loss(batch)
    for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
        parameter.grad = slope
    optimizer.step()
    return value.detach().numpy()


def numpy_grid(side):
    quantiles = [
        Normal(0.0, 1.0).icdf(torch.tensor((k + 0.5) / side).double()) for k in range(side)
    ]
    return np.array([float(each) for each in quantiles])


def draws_one_by_one(mu, log_var):
    noise = torch.empty_like(mu)
    torch.nn.init.normal_(noise)
    return torch.lerp(mu, mu + noise, (log_var / 2).exp())


def draws_by_the_inverse(mu, log_var):
    share = torch.rand_like(mu).clamp(1e-12, 1 - 1e-12)
    return mu + torch.sqrt(log_var.exp()) * torch.special.ndtri(share)


def draws_by_box_and_muller(mu, log_var):
    radius = torch.sqrt(-2 * torch.log1p(-torch.rand_like(mu)))
    return mu + (log_var / 2).exp() * radius * torch.cos(2 * math.pi * torch.rand_like(mu))


def images_one_by_one(decode, num_images, latent_dim):
    def one():
        return torch.distributions.Bernoulli(logits=decode(torch.randn(1, latent_dim))).sample()

    return torch.cat([one() for _ in range(num_images)])


def images_in_batches(decode, num_images, latent_dim):
    parts = [
        decode(torch.randn(len(part), latent_dim)) for part in torch.arange(num_images).split(64)
    ]
    probabilities = torch.cat(parts).sigmoid().numpy(force=True)
    return (np.random.default_rng(1).random(probabilities.shape) < probabilities).astype(np.float32)


def logistic_images(decode, num_images, latent_dim):
    logits = decode(torch.randn(num_images, latent_dim, dtype=torch.float64))
    return (logits + torch.logit(torch.rand_like(logits)) > 0).int()


ODD = [
    (KL, scripted),
    (KL, Module()),
    (KL, Methods().of_instance),
    (KL, Methods.of_class),
    (KL, Methods.of_none),
    (KL, Methods()),
    (KL, torch.vmap(one_image)),
    (KL, on_copies),
    (KL, filled),
    (KL, in_float64),
    (KL, through_normals),
    (KL, through_covariances),
    (KL, printing),
    (KL, under_autocast),
    (KL, functools.partial(lambda half, mu, log_var: kl(mu, log_var) * 2 * half, 0.5)),
    (KL, functools.partial(lambda mu, log_var, half: kl(mu, log_var) * 2 * half, half=0.5)),
    (KL, functools.cache(kl)),
    (KL, lambda *both: kl(*both)),
    (KL, lambda mu, log_var, **options: kl(mu, log_var)),
    (KL, lambda m, v: 0.5 * torch.einsum("bd,bd->b", m, m) + kl(torch.zeros_like(m), v)),
    (KL, lambda m, v: torch.stack([kl(*row) for row in zip(m, v, strict=True)])),
    (KL, lambda m, v: F.gaussian_nll_loss(m, 0 * m, 0 * m + 1, reduction="none").sum(1)
        + 0.5 * (v.exp() - 1 - v).sum(1)),
    (KL, lambda m, v: 0.5 * (torch.cat([m**2, v.exp() - 1 - v], 1) @ m.new_ones(2 * m.shape[1]))),
    (DRAW, draws_one_by_one),
    (DRAW, draws_by_the_inverse),
    (DRAW, draws_by_box_and_muller),
    (DRAW, lambda m, v: Independent(Normal(m, (v / 2).exp()), 1).rsample()),
    (DRAW, lambda m, v: (m[None] + (v / 2).exp() * torch.randn(1, *m.shape).to(m)).squeeze(0)),
    (IWAE, torch.compiler.disable(lambda w: w.logsumexp(0) - math.log(w.shape[0]))),
    (IWAE, lambda w: torch.distributions.Categorical(logits=w.T).logits[:, 0].neg() + w[0]
        - math.log(len(w))),
    (STEP, one_step_of_an_autograd),
    (SIGMA, lambda x, y: np.sqrt(np.mean((x.numpy() - y.numpy()) ** 2))),
    (SIGMA, lambda x, y: torch.linalg.vector_norm(x - y) / x.numel() ** 0.5),
    (SIGMA, lambda x, y: F.mse_loss(x, y).sqrt().item()),
    (GRID, numpy_grid),
    (IMAGES, images_one_by_one),
    (IMAGES, images_in_batches),
    (IMAGES, logistic_images),
    (IMAGES, lambda decode, n, d: torch.bernoulli(torch.sigmoid(decode(torch.randn(n, d))))),
    (exercises.check_log_marginal, lambda w: (
        torch.log_softmax(w.sum(2), 0)[0].neg() + w.sum(2)[0] - math.log(w.shape[0])
    )),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: Normal(y, s).log_prob(x).sum(-1)),
]  # fmt: skip
"""Unusual programs that are right: a check and the program."""
