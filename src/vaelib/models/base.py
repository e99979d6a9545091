"""What a latent-variable model is: p(z), p(x|z) and q(z|x), whatever its networks are.

A family is a subclass with an encoder and a decoder that says what its `posterior` is::

    q = model.posterior(images)             # q(z|x)
    z = q.sample(generator)                 # reparameterized
    p = model.likelihood(z)                 # p(x|z)
    elbo = p.log_prob(images) - q.kl(model.prior())     # where the KL has a closed form

Nothing else of the package asks which family a model is of.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaelib.checks import integer
from vaelib.data import check_floating
from vaelib.distributions import StandardNormal
from vaelib.likelihoods import Likelihood, PixelDistribution
from vaelib.parts import CHUNK, rows_at_once
from vaelib.pictures import batch_shape, check_shape

FAMILIES: dict[str, type] = {}  # every subclass that Python has seen, by its name


class LatentVariableModel(nn.Module):
    """An encoder, a decoder and what their outputs mean.

    A subclass sets `encoder` and `decoder`, modules or functions, and gives `posterior`, which asks
    the encoder about `flatten(images)`. So that a file can hold it, the class has to be made again
    from `arguments`.

    Attributes:
        input_dim: P, pixels of an image.
        latent_dim: D, the dimension of z.
        pixels: the `Likelihood`.
        arguments: what the constructor was given, by name, as a JSON file can hold it.
        has_elbo: whether log p(x) is bounded by the ELBO; an autoencoder has no such bound.
        takes_labels: whether it is asked about images with labels only; see `given`.

    Args:
        input_dim: the numbers of an image, P.
        latent_dim: the dimension of the latents, D.
        pixels: what the decoder's outputs mean.
        image_shape: (C, H, W) of an image, if it is known.
        prior: p(z), a module with `sample`, `log_prob` and `kl`; None is N(0, I).
        arguments: of the subclass's constructor, besides image_shape, so that `load` can make it
            again; None if a file cannot hold them.

    Raises:
        ValueError: if a size is no integer of 1 or more, or image_shape has not input_dim pixels.
    """

    has_elbo = True
    takes_labels = False
    set_by_fit = ("image_shape",)  # arguments that training does not depend on, but may set

    def __init__(
        self,
        input_dim: int,
        latent_dim: int,
        pixels: Likelihood,
        image_shape: Sequence[int] | None = None,
        prior: nn.Module | None = None,
        arguments: dict | None = None,
    ):
        super().__init__()
        sizes = check_sizes({"input_dim": input_dim, "latent_dim": latent_dim})
        if not (prior is None or (hasattr(prior, "sample") and hasattr(prior, "log_prob"))):
            name = type(prior).__name__
            raise ValueError(f"wanted a prior with sample and log_prob, got a {name} without them")
        self.input_dim, self.latent_dim = sizes["input_dim"], sizes["latent_dim"]
        self.pixels, self.own_prior = pixels, prior
        self.arguments = {} if arguments is None else dict(arguments)
        if image_shape is not None:
            self.image_shape = image_shape

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        ours = getattr(FAMILIES.get(cls.__name__), "__module__", "").startswith("vaelib.")
        free = not ours or cls.__module__.startswith("vaelib.")
        if free and not cls.__name__.startswith("_"):
            FAMILIES[cls.__name__] = cls

    def posterior(self, images: Tensor):
        """q(z|x) of each image, (B, ...): a distribution of z, (B, D); see `distributions`."""
        raise ValueError(f"wanted a model with posterior(images), got {self._without()}")

    def prior(self):
        """p(z): N(0, I), unless the model was given or makes another."""
        return self.standard_prior() if self.own_prior is None else self.own_prior

    def standard_prior(self) -> StandardNormal:
        """N(0, I) of latent_dim dimensions, in the precision of the weights."""
        return StandardNormal(self.latent_dim, next(self.parameters()))

    def likelihood(self, z: Tensor) -> PixelDistribution:
        """p(x|z): (..., D) -> a distribution of (..., P) pixels.

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        return self.pixels(self._outputs(z))

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x|z), the probabilities of Bernoulli pixels: (..., D) -> (..., input_dim).

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        return self.likelihood(z).mean

    def given(self, labels: Tensor):
        """The model of images with these labels, (B,), one for each image that it is asked about.

        Raises:
            ValueError: if the family knows no labels.
        """
        raise ValueError(f"wanted a model that takes labels, got a {type(self).__name__}")

    def with_labels(self, labels: Tensor) -> "LatentVariableModel":
        """`given` without its checks, for labels that are checked, (B,) int64."""
        return self.given(labels)

    def checked_labels(self, labels: Tensor | None, count: int) -> Tensor | None:
        """The labels of `count` images if the family asks for them, or else None.

        Raises:
            ValueError: if it asks for them, and they are missing or of another kind.
        """
        return None

    def rows(self, start: int, stop: int) -> "LatentVariableModel":
        """The model for a part of the images; see `given`."""
        return self

    @torch.no_grad()
    def sample(self, num_samples: int, generator=None) -> Tensor:
        """Decode draws from the prior: the means of p(x|z), z ~ p(z), (num_samples, input_dim).

        Raises:
            ValueError: if num_samples is below 1.
        """
        num_samples = integer("num_samples", num_samples)
        z = self.prior().sample(generator, num_samples)
        means = z.new_empty(num_samples, self.input_dim)
        rows = rows_at_once(self, means, CHUNK)
        for start in range(0, num_samples, rows):
            part = slice(start, start + rows)
            means[part] = self.rows(part.start, part.stop).decode(z[part])
        return means

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """The shape (C, H, W) of an image, which `save` keeps; None if nobody has told it yet."""
        return self.arguments.get("image_shape")

    @image_shape.setter
    def image_shape(self, shape: Sequence[int]) -> None:
        self.arguments["image_shape"] = check_shape(shape, self.input_dim)

    def remember_shape(self, images: Tensor) -> None:
        """Take `image_shape` from images, (N, C, H, W) or (N, H, W), if there is none yet.

        Raises:
            ValueError: if an image has not input_dim pixels, or has another shape.
        """
        flatten_images(images[:1], self.input_dim)
        shape = batch_shape(images)
        if shape is not None and self.image_shape not in (None, shape):
            raise ValueError(
                f"wanted images of shape {self.image_shape}, which this model was made for or "
                f"trained on before, got {shape}"
            )
        if shape is not None:
            self.image_shape = shape

    @torch.no_grad()
    def set_output_bias(self, images: Tensor) -> None:
        """Set the decoder's last bias to what guesses the mean image, the log-odds of its pixels.

        Training then need not begin with the hundreds of nats between that and grey.

        Args:
            images: the training images, (N, ...) in [0, 1].

        Raises:
            ValueError: if an image has not input_dim pixels, or the decoder has no such bias.

        Source:
            Burda, Grosse and Salakhutdinov do so in the code of https://arxiv.org/abs/1509.00519
        """
        check_floating(images)
        first = self.pixels.first_bias(flatten_images(images, self.input_dim).mean(0))
        bias, _ = self._output_bias()
        if first is None or bias is None:
            raise ValueError(
                "wanted a decoder that ends in a layer with a bias for each output, and pixels "
                f"with a first guess, got {type(self.pixels).__name__} pixels and "
                f"{'no such layer' if bias is None else 'such a layer'}"
            )
        bias.copy_(first)

    def has_untrained_output(self) -> bool:
        """Whether the decoder's last bias is still where PyTorch draws it, within 1 / sqrt(inputs).

        Training on images takes some of it out of that range in a few steps. False if the decoder
        has no bias for each of its outputs.
        """
        bias, bound = self._output_bias()
        return bias is not None and bool(bias.abs().max() <= bound)

    def guesses_grey(self) -> bool:
        """Whether the likelihood has a better first guess, and the decoder's may be moved."""
        bias, _ = self._output_bias()
        if bias is None or not bias.requires_grad or not self.has_untrained_output():
            return False
        return self.pixels.first_bias(bias.new_full((self.input_dim,), 0.5)) is not None

    @torch.no_grad()
    def begin(self, data, settings) -> None:
        """What `fit` does with `TrainingData` and `Settings` before its first step.

        Here it begins at the mean image, if that is wanted.
        """
        if settings.mean_bias and self.guesses_grey():
            self.set_output_bias(data.images)

    def finish(self, data, settings) -> None:
        """What `fit` does after its last step: nothing, unless a family learns a part at the end.

        It depends on weights, data and settings alone, for a run resumed at its end does it again.
        """

    def unfinish(self) -> None:
        """What `fit` does before it trains, from the start or further: undo `finish`."""

    def loss(self, terms, batch: Tensor, settings) -> Tensor:
        """What a step lowers, from both terms of the ELBO of a batch, (B,) each: a number."""
        return (settings.beta * terms.kl - terms.reconstruction).mean()

    def _output_bias(self) -> tuple[nn.Parameter | None, float]:
        """The last layer's bias, if there is one for each output, and how large it is at first."""
        decoder = getattr(self, "decoder", None)
        modules = decoder.modules() if isinstance(decoder, nn.Module) else ()
        layers = [module for module in modules if list(module.parameters(recurse=False))]
        bias = getattr(layers[-1], "bias", None) if layers else None
        if bias is None or bias.numel() != self.pixels.outputs * self.input_dim:
            return None, 0.0
        inputs = getattr(layers[-1], "in_features", None)
        return bias, 0.0 if inputs is None else 1 / math.sqrt(inputs)

    def _outputs(self, z: Tensor) -> Tensor:
        """The decoder before its likelihood: (..., D) -> (..., outputs * input_dim)."""
        check_latents(z, self.latent_dim)
        if not hasattr(self, "decoder"):
            raise ValueError(f"wanted a model with a decoder, got {self._without()}")
        # Rows stay as they are, for a graph then keeps its layers' names.
        rows = z if z.ndim == 2 else z.reshape(-1, self.latent_dim)
        outputs = self.decoder(rows).to(z.dtype)  # under autocast a layer answers in bfloat16
        as_rows = z.ndim == outputs.ndim == 2
        return outputs if as_rows else outputs.reshape(*z.shape[:-1], -1)

    def _without(self) -> str:
        return f"a {type(self).__name__}, whose class defines none"

    def flatten(self, images: Tensor) -> Tensor:
        """Images as rows, in the precision of the weights: (B, ...) -> (B, input_dim).

        Raises:
            ValueError: if an image has not input_dim pixels, or is not floating point.
        """
        return flatten_images(to_weights(self, images), self.input_dim)


def check_sizes(sizes: dict[str, int]) -> dict[str, int]:
    """What every network asks of its sizes, given by name; the same as Python's own integers.

    Raises:
        ValueError: if a size is not an integer of 1 or more.
    """
    return {name: integer(name, value) for name, value in sizes.items()}


def flatten_images(images: Tensor, input_dim: int) -> Tensor:
    """Images as rows of pixels: (B, ...) -> (B, input_dim).

    Raises:
        ValueError: if an image has not input_dim pixels.
    """
    shape = tuple(images.shape)
    if len(shape) < 2 or 0 in shape or math.prod(shape[1:]) != input_dim:
        raise ValueError(f"wanted images of {input_dim} pixels each, got shape {shape}")
    return images.flatten(1)  # (B, C, H, W) -> (B, input_dim)


def to_weights(model: nn.Module, images: Tensor) -> Tensor:
    """Images in the precision of a model's weights, such as float64 ones from NumPy in float32.

    Raises:
        ValueError: if they are not of a floating-point type.
    """
    if not (isinstance(images, Tensor) and images.is_floating_point()):
        check_floating(images)
    precision = next(model.parameters()).dtype
    return images if images.dtype == precision else images.to(precision)


def check_latents(z: Tensor, latent_dim: int) -> None:
    """What every decoder asks of its input.

    Raises:
        ValueError: if the last axis of z is not latent_dim long.
    """
    if z.ndim == 0 or z.shape[-1] != latent_dim:
        raise ValueError(f"wanted latents of shape (..., {latent_dim}), got {tuple(z.shape)}")
