"""The book's VAE, trained in the reader's browser."""

import functools
import struct

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from vaelib import plots
from vaelib.checks import integer, number, positive
from vaelib.data import ImageDataset, mnist
from vaelib.models import VAE
from vaelib.training import fit
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import draw_cloud, draw_image
from vaelib.widgets.traits import Finite, Weights, Whole, finite_list

TRAIN, TEST = 5000, 500  # of MNIST's first digits: what the browser trains on, and what it draws
HIDDEN = (16, 32, 64, 128, 256)
SIGMAS = (0.1, 0.3, 1.0)
FAULTS = (  # as in playground_faults.js
    "none",
    "kl-mean",
    "kl-latents",
    "kl-batch",
    "pixel-mean",
    "kl-twice",
    "kl-sign",
    "no-coefficient",
    "log-var-as-sigma",
    "variance-as-sigma",
    "little-noise",
    "unclamped",
    "detached",
    "one-noise",
    "inverted",
    "normalised",
)
EXAMPLE_EPOCHS = 5  # of the run that the still picture shows


class Playground(Widget):
    """Train a VAE 784-H-2 here and now: in the browser, also where no Python runs.

    It trains on the first 5,000 digits of MNIST, of 16 grey levels, with Adam at a constant rate,
    and shows the means of 500 test digits, both terms of the loss, and what is rebuilt and
    invented. What its loss, gradients and weights are after a step is what PyTorch finds. Its
    log-variances are clamped at 10, which only a run with a rate far too high would ever reach.

    Traits:
        seed: fixes weights, order and noise; like the next three, a new one begins anew.
        hidden_dim: units of each hidden layer: 16, 32, 64, 128 or 256.
        likelihood: "bernoulli" or "gaussian".
        sigma: standard deviation of a Gaussian pixel: 0.1, 0.3 or 1.
        beta: factor of the KL in the loss, 0 or more.
        learning_rate: of Adam.
        batch_size: images a step, 1 to 5,000.
        fault: a bug of the code: one of `vaelib.widgets.playground.FAULTS`; "none" is none.
        z: the point that is decoded, two finite numbers.
        weights: float32 in the order of `VAE.parameters()`, empty until a browser has sent some.

    Args:
        model: a `VAE` to begin with, of which the playground has a copy; see `load`.

    Raises:
        ValueError: if a trait is set to something else, or the model does not fit.

    Example:
        >>> import vaelib
        >>> playground = Playground(vaelib.VAE(784, 32, 2))
        >>> playground.model()(torch.rand(3, 784))[0].shape
        torch.Size([3, 784])
    """

    source = "playground.js"
    seed = Whole(1).tag(sync=True)
    hidden_dim = Whole(128).tag(sync=True)
    likelihood = traitlets.Unicode("bernoulli").tag(sync=True)
    sigma = Finite(0.3).tag(sync=True)
    beta = Finite(1.0).tag(sync=True)
    learning_rate = Finite(0.003).tag(sync=True)
    batch_size = Whole(64).tag(sync=True)
    fault = traitlets.Unicode("none").tag(sync=True)
    z = finite_list([0.0, 0.0])
    weights = Weights().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)

    def __init__(self, model: VAE | None = None, **traits):
        super().__init__(images=example_bytes(), **traits)
        if model is not None:
            self.load(model)
        self.on_msg(self._answer)

    def model(self) -> VAE:
        """A `VAE` with the weights as the browser last sent them: at the end of an epoch or a run.

        Raises:
            ValueError: if there are none yet, or they are of another network than `hidden_dim`.
        """
        numbers = torch.frombuffer(bytearray(self.weights or bytes(4)), dtype=torch.float32)
        vae = VAE(784, self.hidden_dim, 2, self.likelihood, self.sigma)
        wanted = sum(weight.numel() for weight in vae.parameters())
        if len(numbers) != wanted:
            raise ValueError(
                f"wanted the {wanted} weights of a network 784-{self.hidden_dim}-2, got "
                f"{len(self.weights) // 4}: show the playground first, and let it answer"
            )
        nn.utils.vector_to_parameters(numbers, vae.parameters())
        return vae

    @torch.no_grad()
    def load(self, model: VAE) -> None:
        """Go on from a model's weights, which are copied.

        Raises:
            ValueError: if it is no VAE 784-H-2 with ReLU, one of the sizes and a likelihood that a
                playground knows.
        """
        hidden = _hidden_of(model)
        pixels = network.likelihood(model)
        sigma = pixels["sigma"] if pixels["likelihood"] == "gaussian" else self.sigma
        numbers = nn.utils.parameters_to_vector(model.parameters()).detach().cpu().float()
        with self.hold_sync():
            self.hidden_dim, self.likelihood, self.sigma = hidden, pixels["likelihood"], sigma
            self.weights = numbers.numpy().astype("<f4").tobytes()

    @traitlets.validate("seed")
    def _check_seed(self, proposal):
        return integer("seed", proposal.value, least=0)

    @traitlets.validate("beta")
    def _check_beta(self, proposal):
        if number("beta", proposal.value) < 0:
            raise ValueError(f"wanted beta as 0 or more, got {proposal.value}")
        return proposal.value

    @traitlets.validate("learning_rate")
    def _check_rate(self, proposal):
        return positive("learning_rate", proposal.value)

    @traitlets.validate("batch_size")
    def _check_batch(self, proposal):
        if not 1 <= proposal.value <= TRAIN:
            raise ValueError(f"wanted batch_size from 1 to {TRAIN}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("hidden_dim", "likelihood", "sigma", "fault")
    def _check_choice(self, proposal):
        known = {
            "hidden_dim": HIDDEN,
            "likelihood": network.LIKELIHOODS,
            "sigma": SIGMAS,
            "fault": FAULTS,
        }[proposal.trait.name]
        if proposal.value not in known:
            raise ValueError(
                f"wanted {proposal.trait.name} as one of {', '.join(map(str, known))}, "
                f"got {proposal.value!r}"
            )
        return proposal.value

    def _answer(self, _, content, buffers):
        """Send the front end the digits, for which it asks when the reader begins to train."""
        if content.get("wanted") == "digits":
            self.send({"wanted": "digits"}, [digits()])

    def still(self):
        """The map of the test digits, some of them, rebuilt ones and draws from the prior."""
        vae = self.model() if self.weights else example()
        test = test_images()
        choices = torch.frombuffer(bytearray(self.images), dtype=torch.uint8).view(-1, 784) / 255
        rebuilt = vae.decode(vae.encode(choices)[0])
        invented = vae.sample(len(choices), torch.Generator().manual_seed(0))
        fig, (left, right) = plots.figure(
            1, 2, width=7, height=3.6, gridspec_kw={"width_ratios": [1, 1]}
        )
        draw_cloud(left, vae.encode(test.images)[0], test.labels)
        rows = [grid.view(2, -1, 28, 28) for grid in (choices, rebuilt, invented)]
        draw_image(right, _mosaic(torch.cat(rows)).numpy(), "digits, rebuilt, drawn from the prior")
        alt = (
            f"A map of the means of {TEST} test digits in the latent plane, coloured by label, "
            f"beside {len(choices)} digits, what a small VAE rebuilds of them, and "
            f"{len(choices)} images that it invents."
        )
        return fig, alt


def digits() -> bytes:
    """What a browser trains on: two counts, the labels of the test digits, then two pixels a byte.

    The counts are 16-bit integers, little-endian; a pixel is one of 16 grey levels, the left one
    of two in the low half of its byte; the digits for training come first.
    """
    train = _levels(mnist("train").images[:TRAIN])
    levels = torch.cat([train, _levels(test_images().images)]).numpy()
    packed = (levels[:, 0::2] | levels[:, 1::2] << 4).tobytes()
    labels = test_images().labels.numpy().astype(np.uint8).tobytes()
    return struct.pack("<HH", TRAIN, TEST) + labels + packed


Playground.files = {"digits": digits}


@functools.cache
def test_images() -> ImageDataset:
    """The test digits that are drawn, with their labels."""
    test = mnist("test")
    return ImageDataset(test.images[:TEST], test.labels[:TEST])


@functools.cache
def example_bytes() -> bytes:
    """The first test digit of each label, 10 * 784 bytes, in the grey levels that travel."""
    test = test_images()
    first = [int((test.labels == label).nonzero()[0]) for label in range(10)]
    return (17 * _levels(test.images[first])).numpy().tobytes()


@functools.cache
def example() -> VAE:
    """What a short run gives, for the still picture."""
    train = mnist("train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = VAE(784, 64, 2)
    fit(
        vae,
        ImageDataset(train.images[:TRAIN], train.labels[:TRAIN]),
        epochs=EXAMPLE_EPOCHS,
        batch_size=64,
        learning_rate=0.005,
        seed=0,
        progress=False,
    )
    return vae


def _levels(images: Tensor) -> Tensor:
    """Pixels as 16 grey levels, 0 to 15: (N, ...) -> (N, 784) uint8."""
    return (15 * images.flatten(1)).round().to(torch.uint8)


def _hidden_of(model) -> int:
    """The hidden units of a VAE that a playground could have trained."""
    layers = [
        (layer["inputs"], layer["outputs"], layer["activation"])
        for part in (model.encoder, model.decoder)
        for layer in network.pack(part)["layers"]
    ]
    hidden = layers[0][1]
    wanted = [(784, hidden, "relu"), (hidden, 4, None), (2, hidden, "relu"), (hidden, 784, None)]
    if layers != wanted or not isinstance(hidden, int):
        raise ValueError(f"wanted a VAE 784-H-2 with ReLU, got layers {layers}")
    return hidden


def _mosaic(rows: Tensor) -> Tensor:
    """Rows of images as one image: (R, C, S, S) -> (R * S, C * S)."""
    count, columns, side, _ = rows.shape
    return rows.transpose(1, 2).reshape(count * side, columns * side)
