"""The check of draws of images: a z for each image, and for each of its pixels its own coin."""

import torch
from torch import Tensor

from vaelib.exercises.answers import Answer, Wrong
from vaelib.exercises.running import Program, own_state

IMAGES, PIXELS, LATENTS = 2000, 6, 3


class _Decoder:
    """Gives logits in which two pixels hang on each latent, and keeps what it was asked."""

    def __init__(self):
        self.asked: list[Tensor] = []
        weights = torch.eye(LATENTS, dtype=torch.float64).repeat(1, PIXELS // LATENTS)
        signs = torch.tensor([1, -1, 1, -1, 1, 1], dtype=torch.float64)
        self._weights, self._bias = 5 * weights * signs, torch.linspace(1, 3, PIXELS).double()

    def __call__(self, z: Tensor) -> Tensor:
        if not isinstance(z, Tensor) or z.shape[-1:] != (LATENTS,):
            shape = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise Wrong(f"decode wants z of shape (num_images, latent_dim), and is given {shape}.")
        self.asked.append(z.detach().double().reshape(-1, LATENTS).clone())
        return self.logits(z.double()).to(z.dtype)

    def logits(self, z: Tensor) -> Tensor:
        return z @ self._weights + self._bias

    @property
    def z(self) -> Tensor:
        """All that it was asked for, a row for each, and each once where it was asked again."""
        rows = torch.cat(self.asked)
        return rows if len(rows) == IMAGES else torch.unique(rows, dim=0)


def check_prior_images(function):
    """Check a function's black and white images drawn from a model.

    decode, num_images, latent_dim -> (N, P), where decode gives the logits of the pixels for
    z: (..., D) -> (..., P). The function draws z from the prior, N(0, I), and then each pixel.

    >>> def draw(decode, num_images, latent_dim):
    ...     columns = [decode(torch.randn(num_images, latent_dim))[:, i] for i in range(6)]
    ...     return torch.stack(columns, 1).sigmoid().bernoulli()
    >>> check_prior_images(draw)
    Not yet: it has a new draw of z for each pixel: one z makes all pixels of an image.
    """
    with own_state():
        try:
            program = Program(function, ("decode", "num_images", "latent_dim"))
            decoder = _Decoder()
            _check_images(program.given(decoder, IMAGES, LATENTS), decoder)
        except Wrong as wrong:
            return wrong.answer()
    return Answer(True, f"{IMAGES:,} images have a z each, and pixels as likely as it says.")


def _check_images(images: Tensor, decoder: _Decoder) -> None:
    if not decoder.asked:
        raise Wrong("it never asks for decode(z).")
    if images.shape != (IMAGES, PIXELS):
        raise Wrong(
            f"for num_images = {IMAGES} it returns the shape {tuple(images.shape)} where "
            f"{(IMAGES, PIXELS)} is wanted: a row for each image."
        )
    z, images = decoder.z, images.double()
    _check_codes(z)
    logits = decoder.logits(z) if len(z) == IMAGES else None
    if not ((images == 0) | (images == 1)).all():
        raise Wrong(_kind_of(images, logits))
    _check_togetherness(images, len(z))
    shares, expected = images.mean(0), decoder.logits(z).sigmoid().mean(0)
    if (shares - (1 - expected)).abs().max() < 0.08:
        raise Wrong("ink and paper are exchanged: a pixel is 1 where a uniform number is below it.")
    if logits is not None:
        _check_coins(images, logits)
    if (shares - expected).abs().max() > 0.08:
        worst = int((shares - expected).abs().argmax())
        raise Wrong(_share_in_words("a pixel", shares[worst], expected[worst]))


def _share_in_words(where: str, found, wanted) -> str:
    return (
        f"{where} is 1 in a share of {found:.2f} where {wanted:.2f} is wanted: its probability is "
        "the sigmoid of its logit."
    )


def _check_codes(z: Tensor) -> None:
    if len(torch.unique(z, dim=0)) == 1:
        which = "one z serves all images" if z.any() else "z is the prior's mean for all images"
        raise Wrong(f"{which}: draw one for each, of shape (num_images, latent_dim).")
    if (z == z[:, :1]).all():
        raise Wrong("one number serves all latents of an image: draw latent_dim of them.")
    mean, deviation = z.mean().item(), z.std().item()
    known = {
        "z is uniform on (-1, 1): the prior is N(0, I), torch.randn.": (0, 3**-0.5),
        "z is uniform on (0, 1): the prior is N(0, I), torch.randn.": (0.5, 12**-0.5),
    }
    for text, (wrong_mean, wrong_deviation) in known.items():
        if abs(mean - wrong_mean) < 0.05 and abs(deviation - wrong_deviation) < 0.03:
            raise Wrong(text)
    if abs(mean) > 0.12 or abs(deviation - 1) > 0.08:
        raise Wrong(
            f"z has the mean {mean:.2f} and the deviation {deviation:.2f}: the prior's are 0, 1."
        )


def _kind_of(images: Tensor, logits: Tensor | None) -> str:
    kinds = {"logits": logits, "probabilities": logits if logits is None else logits.sigmoid()}
    for kind, wrong in kinds.items():
        if wrong is not None and torch.allclose(images, wrong, atol=1e-4):
            return f"these are the {kind}: draw each pixel, 0 or 1, with its own probability."
    return "its pixels are not all 0 or 1: draw each with its own probability."


def _check_togetherness(images: Tensor, num_codes: int) -> None:
    """Pixels that hang on one latent agree, unless each of them had a z of its own."""
    constant = images.std(0) < 1e-6
    pairs = [(i, i + LATENTS) for i in range(LATENTS) if not constant[[i, i + LATENTS]].any()]
    found = [abs(torch.corrcoef(images[:, pair].T)[0, 1].item()) for pair in pairs]
    if num_codes > IMAGES and found and max(found) < 0.2:
        raise Wrong("it has a new draw of z for each pixel: one z makes all pixels of an image.")


def _check_coins(images: Tensor, logits: Tensor) -> None:
    if torch.equal(images, (logits > 0).double()):
        raise Wrong("each pixel is rounded: draw it with its probability.")
    for axis, text in {
        1: "one uniform number serves all pixels of an image: draw a new one for each pixel.",
        0: "one uniform number serves a pixel in all images: draw a new one for each image, too.",
    }.items():
        highest = torch.where(images == 0, logits, -torch.inf).amax(axis)
        lowest = torch.where(images == 1, logits, torch.inf).amin(axis)
        if (highest <= lowest).all():
            raise Wrong(text)
    for low, high in ((-2, -0.5), (-0.5, 0.5), (0.5, 2)):
        meant = (low < logits) & (logits < high)
        found, wanted = images[meant].mean(), logits[meant].sigmoid().mean()
        if abs(found - wanted) > 0.07:
            where = f"a pixel with a logit between {low} and {high}"
            raise Wrong(_share_in_words(where, found, wanted))
