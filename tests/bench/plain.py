"""The loop that most tutorials have, against which the others are timed."""

import torch
from torch.nn.functional import binary_cross_entropy
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from vaelib.data import mnist_root

BATCH_SIZE = 128


def data_loader(seed: int) -> DataLoader:
    """Batches of images that become tensors one by one, and their labels."""
    data = MNIST(mnist_root(), train=True, transform=ToTensor())
    order = torch.Generator().manual_seed(seed)
    return DataLoader(data, BATCH_SIZE, shuffle=True, generator=order)


def plain_loss(model, images: torch.Tensor) -> torch.Tensor:
    """Minus the ELBO, summed over the batch, from the decoder's probabilities."""
    rebuilt, mu, log_var = model(images)
    loss = binary_cross_entropy(rebuilt, images, reduction="sum")
    return loss + 0.5 * (mu.square() + log_var.exp() - log_var - 1).sum()
