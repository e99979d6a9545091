"""A prior over a grid of codes: each is predicted from those above it and to its left."""

import torch
from torch import Tensor, nn

from vaelib.distributions import Distribution


class MaskedConvolution(nn.Conv2d):
    """A 3 x 3 convolution that sees what comes before a place, row by row.

    Args:
        before: channels in.
        after: channels out.
        itself: whether the place itself is seen, as it may be after the first layer.
    """

    def __init__(self, before: int, after: int, itself: bool):
        super().__init__(before, after, 3, padding=1)
        mask = torch.ones(3, 3)
        mask[1, 1 + itself :] = 0
        mask[2] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, after, H, W)."""
        return nn.functional.conv2d(x, self.weight * self.mask, self.bias, padding=1)


class CodePredictor(nn.Module):
    """The log-probabilities of every code at every place of a grid, from the codes before it.

    Args:
        num_codes: how many codes the book has, K.
        channels: of each layer.
        num_layers: masked convolutions after the first.

    Source:
        Van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, section 3.4,
        https://arxiv.org/abs/1601.06759
    """

    def __init__(self, num_codes: int, channels: int = 32, num_layers: int = 3):
        super().__init__()
        self.embedding = nn.Embedding(num_codes, channels)
        self.first = MaskedConvolution(channels, channels, itself=False)
        self.others = nn.ModuleList(
            MaskedConvolution(channels, channels, itself=True) for _ in range(num_layers)
        )
        self.last = nn.Conv2d(channels, num_codes, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, H, W) integers -> (B, K, H, W) log-probabilities."""
        x = self.first(self.embedding(codes).permute(0, 3, 1, 2))
        for layer in self.others:
            x = x + layer(torch.relu(x))
        return self.last(torch.relu(x)).log_softmax(1)


class CodePrior(Distribution):
    """p(z) of grids of codes, each z being the vectors of its codes, (..., H * W * d).

    Args:
        predictor: a `CodePredictor`.
        book: the vectors of the codes, (K, d).
        grid: (H, W).
    """

    def __init__(self, predictor: CodePredictor, book: Tensor, grid: tuple[int, int]):
        self.predictor, self.book, self.grid = predictor, book, grid

    @property
    def mean(self) -> Tensor:
        """The mean vector of the code book at every place, (H * W * d,)."""
        return self.book.mean(0).repeat(self.grid[0] * self.grid[1])

    def log_prob_of_codes(self, codes: Tensor) -> Tensor:
        """log p of each grid: (B, H * W) integers -> (B,), nats."""
        codes = codes.unflatten(1, self.grid)
        log_p = self.predictor(codes).gather(1, codes.unsqueeze(1))
        return log_p.flatten(1).sum(1).to(self.book.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        """log p of the grid of codes whose vectors are nearest to z: (..., D) -> (...), nats."""
        rows = z.reshape(-1, z.shape[-1])
        return self.log_prob_of_codes(nearest_codes(rows, self.book)).view(z.shape[:-1])

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (D,), or K of them, (K, D): one place after the other."""
        count = 1 if num_samples is None else num_samples
        codes = torch.zeros(count, *self.grid, dtype=torch.long, device=self.book.device)
        for row in range(self.grid[0]):
            for column in range(self.grid[1]):
                p = self.predictor(codes)[:, :, row, column].exp()
                codes[:, row, column] = torch.multinomial(p, 1, generator=generator)[:, 0]
        z = self.book[codes.flatten(1)].flatten(1)
        return z[0] if num_samples is None else z


def nearest_codes(rows: Tensor, book: Tensor) -> Tensor:
    """The code nearest to each vector: (B, n * d), (K, d) -> (B, n) integers."""
    vectors = rows.unflatten(1, (-1, book.shape[1]))  # (B, n * d) -> (B, n, d)
    # |v - b|^2 without |v|^2, which is the same for every code.
    return (book.square().sum(1) - 2 * vectors @ book.T).argmin(-1)
