"""The loops against which `vaelib.fit` is timed, over a `DataLoader` as most tutorials have it."""

import os
import time

import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from vaelib.data import mnist_root

BATCH_SIZE = 128
LEARNING_RATE = 1e-3


def data_loader(seed: int, workers: int = 0) -> DataLoader:
    """Batches of images that become tensors one by one, and their labels."""
    data = MNIST(mnist_root(), train=True, transform=ToTensor())
    order = torch.Generator().manual_seed(seed)
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    return DataLoader(data, BATCH_SIZE, shuffle=True, generator=order, **options)


def plain_loss(model, images: torch.Tensor) -> torch.Tensor:
    """Minus the ELBO, summed over the batch, from the decoder's probabilities."""
    rebuilt, mu, log_var = model(images)
    loss = binary_cross_entropy(rebuilt, images, reduction="sum")
    return loss + _kl(mu, log_var)


def loss_from_logits(model, images: torch.Tensor) -> torch.Tensor:
    """The same from the decoder's logits."""
    mu, log_var = model.encode(images)
    logits = model.decode_logits(model.reparameterize(mu, log_var))
    loss = binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="sum")
    return loss + _kl(mu, log_var)


def _kl(mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    return 0.5 * (mu.square() + log_var.exp() - log_var - 1).sum()


def published_loop(model, epochs: int, seed: int, device) -> list[float]:
    """The loop and the settings of pytorch/examples, vae/main.py; returns each epoch's seconds.

    Its cross-entropy is plain: pull request 683, for the continuous Bernoulli, was not merged. It
    asks for the loss as a number at every step, and on a CPU it has no workers.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    return _epochs(model, optimizer, data_loader(seed), plain_loss, epochs, device, number=True)


def changed_loop(model, epochs: int, seed: int, device) -> list[float]:
    """The same settings, other habits: a worker a core, logits, fused Adam, no numbers."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    loader = data_loader(seed, workers=len(os.sched_getaffinity(0)))
    return _epochs(model, optimizer, loader, loss_from_logits, epochs, device, number=False)


def _epochs(model, optimizer, loader, loss_of, epochs, device, number) -> list[float]:
    seconds, total = [], 0.0
    for _ in range(epochs):
        start = time.perf_counter()
        for batch, _ in loader:
            optimizer.zero_grad()
            loss = loss_of(model, batch.to(device))
            loss.backward()
            if number:
                total += loss.item()
            optimizer.step()
        wait(device)
        seconds.append(time.perf_counter() - start)
    return seconds


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize()
