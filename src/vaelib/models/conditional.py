"""A VAE that is told the label of each image, in the encoder and in the decoder."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from vaelib.checks import integer
from vaelib.distributions import Normal
from vaelib.likelihoods import Likelihood, PixelDistribution, likelihood_of
from vaelib.models.base import LatentVariableModel, check_sizes
from vaelib.models.mlp import hidden_sizes, layers


class ConditionalVAE(LatentVariableModel):
    """A VAE of p(x|y): the label y is part of what encoder and decoder are given.

    p(z) = N(0, I) whatever the label, p(x|z, y), q(z|x, y). With its labels fixed it is an ordinary
    model, which every function takes::

        model.given(labels).sample(10)
        vaelib.log_likelihood(model.given(labels), images, 100)

    `fit` takes the labels from its data set.

    Args:
        input_dim: pixels of an image.
        num_labels: how many labels there are: 0 to num_labels - 1.
        hidden_dim: as for `VAE`.
        latent_dim: D, the dimension of z.
        likelihood: as for `VAE`.
        activation: as for `VAE`.
        image_shape: as for `VAE`.

    Raises:
        ValueError: if a size is no integer of 1 or more, or a name is unknown.

    Source:
        Kingma, Rezende, Mohamed and Welling, Semi-Supervised Learning with Deep Generative Models,
        https://arxiv.org/abs/1406.5298, model M2 with all labels known; Sohn, Lee and Yan, Learning
        Structured Output Representation using Deep Conditional Generative Models, NeurIPS 2015.
    """

    takes_labels = True

    def __init__(
        self,
        input_dim: int = 784,
        num_labels: int = 10,
        hidden_dim: int | Sequence[int] = 256,
        latent_dim: int = 2,
        likelihood: str | dict | Likelihood = "bernoulli",
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
    ):
        hidden, pixels = hidden_sizes(hidden_dim), likelihood_of(likelihood)
        sizes = {"input_dim": input_dim, "num_labels": num_labels, "latent_dim": latent_dim}
        arguments = check_sizes(sizes)
        input_dim, num_labels, latent_dim = arguments.values()
        arguments |= {"hidden_dim": hidden, "activation": activation}
        arguments |= {"likelihood": pixels.description()}
        super().__init__(input_dim, latent_dim, pixels, image_shape, arguments=arguments)
        self.num_labels = num_labels
        self.encoder = layers([input_dim + num_labels, *hidden, 2 * latent_dim], activation)
        outputs = pixels.outputs * input_dim
        self.decoder = layers([latent_dim + num_labels, *reversed(hidden), outputs], activation)

    def given(self, labels: Tensor) -> "Given":
        """The model of images with these labels: (B,) integers, or one for all images.

        Raises:
            ValueError: if they are no integers of 0 to num_labels - 1.
        """
        labels = torch.as_tensor(labels)
        labels = labels.view(1) if labels.ndim == 0 else labels
        return Given(self, self.checked_labels(labels, labels.numel()))

    def with_labels(self, labels: Tensor) -> "Given":
        """`given` without its checks, for labels that are checked, (B,) int64."""
        return Given(self, labels)

    def checked_labels(self, labels: Tensor | None, count: int) -> Tensor:
        """The labels of `count` images, (count,) int64.

        Raises:
            ValueError: if there are none, or another number, or they are no integers of 0 to
                num_labels - 1.
        """
        if labels is None:
            raise ValueError(
                "wanted a label for each image, which a ConditionalVAE is trained with, got images "
                "alone: vaelib.ImageDataset(images, labels) has both"
            )
        wanted = f"wanted {count} integer labels from 0 to {self.num_labels - 1}"
        if labels.shape != (count,) or labels.is_floating_point() or labels.dtype == torch.bool:
            raise ValueError(f"{wanted}, got {labels.dtype} of shape {tuple(labels.shape)}")
        if count and not (labels.min() >= 0 and labels.max() < self.num_labels):
            raise ValueError(f"{wanted}, got {labels.min().item()} to {labels.max().item()}")
        return labels.long()

    def posterior(self, images: Tensor) -> Normal:
        """Without labels there is none: see `given`."""
        raise ValueError(_WANTED)

    def likelihood(self, z: Tensor) -> PixelDistribution:
        """Without labels there is none: see `given`."""
        raise ValueError(_WANTED)


_WANTED = "wanted the labels of the images, model.given(labels), got a ConditionalVAE without them"


class Given:
    """A `ConditionalVAE` and the labels of the images it is asked about, (B,).

    It has what the model has; whatever is asked of it is asked of these images.
    """

    def __init__(self, model: ConditionalVAE, labels: Tensor):
        self._model, self.labels = model, labels

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def to(self, device) -> "Given":
        """The model, in place, and the labels on another device."""
        self._model.to(device)
        self.labels = self.labels.to(device)
        return self

    def rows(self, start: int, stop: int) -> "Given":
        """The same for a part of the images."""
        return Given(self._model, self.labels[start:stop])

    def posterior(self, images: Tensor) -> Normal:
        """q(z|x, y): (B, ...) -> a distribution of z, (B, D)."""
        rows = self._model.flatten(images)
        code = self._model.encoder(torch.cat([rows, self._one_hot(rows, rows.shape[:-1])], -1))
        return Normal(*code.to(rows.dtype).chunk(2, dim=1))

    def likelihood(self, z: Tensor) -> PixelDistribution:
        """p(x|z, y): (..., B, D), or (..., D) where there is one label for all."""
        labels = self._one_hot(z, z.shape[:-1])
        outputs = self._model.decoder(torch.cat([z, labels], -1)).to(z.dtype)
        return self._model.pixels(outputs)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x|z, y): (..., D) -> (..., P)."""
        return self.likelihood(z).mean

    def sample(self, num_samples: int, generator=None) -> Tensor:
        """The means of p(x|z, y), z ~ p(z), of the labels in turn: (num_samples, P).

        Raises:
            ValueError: if num_samples is below 1.
        """
        num_samples = integer("num_samples", num_samples)
        labels = self.labels.repeat(-(-num_samples // len(self.labels)))[:num_samples]
        return LatentVariableModel.sample(Given(self._model, labels), num_samples, generator)

    def _one_hot(self, like: Tensor, shape) -> Tensor:
        """The labels as 0 and 1 beside images or latents whose leading axes are `shape`."""
        labels = self.labels.to(like.device)
        codes = functional.one_hot(labels, self._model.num_labels).to(like.dtype)
        return codes.expand(*shape, -1) if shape else codes[0]
