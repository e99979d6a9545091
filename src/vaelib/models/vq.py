"""A VAE whose latents are codes from a book that is learned: z is a picture made of few words."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.distributions import Distribution
from vaelib.likelihoods import Likelihood, likelihood_of
from vaelib.models.base import LatentVariableModel, check_latents, check_sizes
from vaelib.models.code_prior import CodePredictor, CodePrior, nearest_codes
from vaelib.models.convolutional import down, inner_shape, up, widest_layer
from vaelib.pictures import check_shape


class VQVAE(LatentVariableModel):
    """Convolutions to a grid of vectors, each replaced by the nearest one of a code book.

    The codes are discrete, and q(z|x) has all of its probability at one grid of them. So
    log p(x) >= log p(x|z) + log p(z), a bound like the ELBO, whose rate is the length of the codes
    under a prior that is learned beside: `CodePredictor`.

    Args:
        image_shape: as for `ConvolutionalVAE`.
        channels: as for `ConvolutionalVAE`.
        num_codes: K, vectors in the book.
        code_dim: d, the length of each.
        likelihood: as for `VAE`.
        commitment: how strongly the encoder is held to the codes that it chose.

    Raises:
        ValueError: if a size is no integer of 1 or more, the strides do not divide the image, or
            the likelihood is unknown.

    Source:
        Van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning,
        https://arxiv.org/abs/1711.00937; here the prior learns at the same time.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        channels: Sequence[int] = (32, 64),
        num_codes: int = 64,
        code_dim: int = 8,
        likelihood: str | dict | Likelihood = "bernoulli",
        commitment: float = 0.25,
    ):
        shape = check_shape(image_shape, math.prod(image_shape))
        channels = tuple(integer("channels", count) for count in channels)
        sizes = check_sizes({"num_codes": num_codes, "code_dim": code_dim})
        pixels = likelihood_of(likelihood)
        arguments = sizes | {"channels": channels, "likelihood": pixels.description()}
        arguments["commitment"] = positive("commitment", commitment)
        width, *grid = inner_shape(shape, channels)
        code_dim = sizes["code_dim"]
        latent_dim = math.prod(grid) * code_dim
        super().__init__(math.prod(shape), latent_dim, pixels, shape, arguments=arguments)
        self.grid = tuple(grid)
        self.encoder = nn.Sequential(*down(shape, channels), nn.Conv2d(width, code_dim, 1))
        outputs = (pixels.outputs * shape[0], *shape[1:])
        first = nn.Conv2d(code_dim, width, 3, padding=1)
        self.decoder = nn.Sequential(first, *up(channels, outputs))
        self.book = nn.Parameter(torch.randn(sizes["num_codes"], code_dim))
        self.predictor = CodePredictor(sizes["num_codes"])
        self.widest_layer = widest_layer(shape, channels)

    def posterior(self, images: Tensor) -> "Codes":
        """The code nearest to each vector of the encoder: (B, ...) -> grids of codes."""
        return Codes(self._vectors(images), self.book)

    def prior(self) -> CodePrior:
        """p(z), which predicts each code from those before it."""
        return CodePrior(self.predictor, self.book, self.grid)

    def begin(self, data, settings) -> None:
        """Put the code book among the vectors that the encoder gives, before the first step.

        Raises:
            ValueError: if there are more codes than vectors to choose from.
        """
        super().begin(data, settings)
        count, places = len(self.book), math.prod(self.grid)
        if count > len(data.images) * places:
            raise ValueError(
                f"wanted at most one code for each of the {len(data.images) * places} vectors of "
                f"{len(data.images)} images, got num_codes {count}"
            )
        some = data.images[: -(-10 * count // places)]
        vectors = self._vectors(some).view(-1, self.book.shape[1])
        generator = torch.Generator(vectors.device).manual_seed(settings.seed)
        order = torch.randperm(len(vectors), generator=generator, device=vectors.device)
        self.book.copy_(vectors[order[:count]])

    def loss(self, terms, batch: Tensor, settings) -> Tensor:
        """-ELBO, and what brings codes and encoder together, which the ELBO's slope cannot."""
        rows = self._vectors(batch)
        codes = Codes(rows, self.book).nearest()
        book = (codes - rows.detach()).square().sum(1)
        commitment = self.arguments["commitment"] * (codes.detach() - rows).square().sum(1)
        return (settings.beta * terms.kl - terms.reconstruction + book + commitment).mean()

    @torch.no_grad()
    def perplexity(self, images: Tensor) -> float:
        """How many codes the images use, as exp of the entropy of their frequencies: 1 to K."""
        counts = self.posterior(images).codes.flatten().bincount(minlength=len(self.book))
        p = counts / counts.sum()
        return torch.special.entr(p).sum().exp().item()

    def _vectors(self, images: Tensor) -> Tensor:
        """What the encoder gives at each place of the grid: (B, ...) -> (B, H * W * d)."""
        rows = self.flatten(images)
        return self.encoder(rows).to(rows.dtype).movedim(1, 3).flatten(1)

    def _outputs(self, z: Tensor) -> Tensor:
        """The decoder before its likelihood: (..., D) -> (..., outputs * P)."""
        check_latents(z, self.latent_dim)
        vectors = z.reshape(-1, *self.grid, self.book.shape[1]).movedim(3, 1)
        return self.decoder(vectors).to(z.dtype).view(*z.shape[:-1], -1)


class Codes(Distribution):
    """All of the probability at one grid of codes: those nearest to the encoder's vectors.

    Args:
        rows: the vectors, (B, n * d).
        book: the code book, (K, d).
    """

    names = ("z",)
    is_point = True

    def __init__(self, rows: Tensor, book: Tensor):
        self.codes = nearest_codes(rows.detach(), book.detach())  # (B, n)
        self._rows, self._book = rows, book

    @property
    def z(self) -> Tensor:
        """The vectors of the codes, (B, n * d); the slope goes to the encoder, straight through."""
        return self._rows + (self.nearest() - self._rows).detach()

    @property
    def mean(self) -> Tensor:
        """The vectors of the codes, (B, n * d)."""
        return self.z

    def nearest(self) -> Tensor:
        """The vectors of the codes, (B, n * d), with a slope to the code book."""
        return self._book[self.codes].flatten(1)

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """The one z there is, (B, D); or, as all draws are the same, one of them, (1, B, D)."""
        return self.z if num_samples is None else self.z.unsqueeze(0)

    def log_prob(self, z: Tensor) -> Tensor:
        """0 nats at the codes, whose probability is 1: (..., D) -> (...)."""
        return torch.zeros_like(z[..., 0])

    def kl(self, other: CodePrior) -> Tensor:
        """KL(self || prior) = -log p(codes), the length of their code: (B,) nats."""
        return -other.log_prob_of_codes(self.codes)
