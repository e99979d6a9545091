"""A step of the book's VAE with its gradients as formulas: what `fit` could gain without autograd.

It serves one loss and one kind of network, Bernoulli pixels and a hidden layer each way, and is
timed beside `fit` to say what that would be worth.
"""

import time

import torch
from torch import Tensor
from torch.optim.adam import adam

from vaelib.densities import bernoulli_log_likelihood
from vaelib.devices import fast_float32, freed_memory_kept


def gradients(weights: list[Tensor], x: Tensor, eps: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The loss of a batch, (B, P), and its gradient with respect to each weight of a `VAE`."""
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    hidden = torch.addmm(b1, x, w1.t()).relu_()
    mu, log_var = torch.addmm(b2, hidden, w2.t()).chunk(2, 1)
    sigma = torch.exp(log_var / 2)
    z = mu + sigma * eps
    drawn = torch.addmm(b3, z, w3.t()).relu_()
    logits = torch.addmm(b4, drawn, w4.t())
    variance = sigma.square()
    kl = 0.5 * (mu.square() + variance - log_var - 1).sum()
    loss = (kl - bernoulli_log_likelihood(x, logits).sum()) / len(x)
    slope = logits.sigmoid_().sub_(x).div_(len(x))  # of the logits
    g4, c4 = slope.t() @ drawn, slope.sum(0)
    slope = (slope @ w4).mul_(drawn > 0)
    g3, c3 = slope.t() @ z, slope.sum(0)
    slope = slope @ w3  # of z
    of_log_var = 0.5 * (slope * sigma * eps + (variance - 1) / len(x))
    slope = torch.cat([slope + mu / len(x), of_log_var], 1)
    g2, c2 = slope.t() @ hidden, slope.sum(0)
    slope = (slope @ w2).mul_(hidden > 0)
    return loss, [slope.t() @ x, slope.sum(0), g2, c2, g3, c3, g4, c4]


@torch.no_grad()
def epoch(model, images: Tensor, batch_size: int, seed: int) -> float:
    """Train a `VAE` for an epoch; returns its seconds."""
    generator = torch.Generator(images.device).manual_seed(seed)
    rows, weights = images.flatten(1), [weight.detach() for weight in model.parameters()]
    means, squares = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    steps = [torch.zeros((), device=images.device) for _ in weights]
    total = torch.zeros((), device=images.device)
    order = torch.randperm(len(rows), generator=generator, device=images.device)
    with fast_float32(), freed_memory_kept():
        start = time.perf_counter()
        for batch in order.split(batch_size):
            x = rows.index_select(0, batch)
            eps = x.new_empty(len(x), model.latent_dim).normal_(generator=generator)
            loss, slopes = gradients(weights, x, eps)
            options = {"beta1": 0.9, "beta2": 0.95, "lr": 1e-3, "eps": 1e-8, "weight_decay": 0}
            options |= {"amsgrad": False, "maximize": False, "fused": True}
            adam(weights, slopes, means, squares, [], steps, **options)
            total += loss
        total.item()  # waits for a GPU
        return time.perf_counter() - start
