"""Traits that take numbers as a reader has them: from Python, NumPy or torch."""

import contextlib
import math
import reprlib

import numpy as np
import traitlets
from torch import Tensor

from vaelib.checks import integer, number


class WrongValue(traitlets.TraitError, ValueError):
    """A trait was set to what it cannot be; whoever catches either error of the two gets it."""


@contextlib.contextmanager
def _refusing():
    """Errors of a check are those of a trait."""
    try:
        yield
    except ValueError as error:
        raise WrongValue(*error.args) from None


class Finite(traitlets.Float):
    """A trait that is a finite number; an array or tensor of one, without axes, will do."""

    def validate(self, obj, value):
        """Refuse what is no finite number, and name it."""
        with _refusing():
            return number(self.name, value)


class Whole(traitlets.Int):
    """A trait that is an integer, also one of NumPy or torch; a bool or 3.0 is none."""

    def validate(self, obj, value):
        """Refuse what is no integer, and name it."""
        with _refusing():
            return integer(self.name, value, least=None)


class Switch(traitlets.Bool):
    """A trait that is true or false, also one of NumPy or torch."""

    def validate(self, obj, value):
        """Refuse what is neither, and name it."""
        plain = value.item() if isinstance(value, np.bool_ | np.ndarray | Tensor) else value
        if not isinstance(plain, bool):
            raise WrongValue(f"wanted {self.name} as True or False, got {value!r}")
        return plain


class OneOf(traitlets.Unicode):
    """A trait that is one of a few names."""

    def __init__(self, names: tuple[str, ...], default: str):
        self._names = names
        super().__init__(default)

    def validate(self, obj, value):
        """Refuse what is none of them, and name it."""
        if value not in self._names:
            names = ", ".join(self._names)
            raise WrongValue(f"wanted {self.name} as one of {names}, got {value!r}")
        return value


class Numbers(traitlets.List):
    """A trait that is a list of finite numbers.

    It takes a tuple, an array or a tensor of one axis, and of shape (1, D), as a model encodes one
    image; on any device, with or without a gradient.
    """

    def __init__(self, default=None, least: int = 0, most: float = math.inf, **options):
        self._least, self._most = least, most
        super().__init__(default_value=default, **options)

    def validate(self, obj, value):
        """Refuse what is not as many finite numbers, and name it."""
        numbers = _listed(value)
        if numbers is None or not self._least <= len(numbers) <= self._most:
            raise WrongValue(
                f"wanted {self.name} as {self._wanted()}numbers, got {reprlib.repr(value)}"
            )
        with _refusing():
            return [number(f"{self.name}[{i}]", each) for i, each in enumerate(numbers)]

    def _wanted(self) -> str:
        if self._most == math.inf:
            return "a list of "
        return f"{self._most} " if self._least == self._most else f"{self._least} to {self._most} "


def finite_list(default: list[float]) -> Numbers:
    """A trait that is as many finite numbers as its default, such as a point in latent space."""
    return Numbers(default, len(default), len(default)).tag(sync=True)


class Pixels(traitlets.Bytes):
    """A trait that is the pixels of one grey image as bytes, 0 for paper and 255 for ink.

    It takes any buffer of bytes (a browser sends a memoryview), and an image as an array or tensor
    of any shape, of uint8 or in [0, 1].
    """

    def validate(self, obj, value):
        """Refuse what is no image, and name it."""
        if isinstance(value, Tensor):
            value = value.detach().cpu().float().numpy() if value.is_floating_point() else value
            value = np.asarray(value.cpu() if isinstance(value, Tensor) else value)
        if isinstance(value, np.ndarray):
            return _bytes_of(self.name, value)
        if not isinstance(value, bytes | bytearray | memoryview):
            raise WrongValue(
                f"wanted {self.name} as bytes or as an image, got {reprlib.repr(value)}"
            )
        return bytes(value)


def _bytes_of(name: str, image: np.ndarray) -> bytes:
    if image.dtype == np.uint8:
        return image.tobytes()
    if not np.issubdtype(image.dtype, np.floating) or not ((image >= 0) & (image <= 1)).all():
        raise WrongValue(
            f"wanted {name} as uint8 or in [0, 1], got {image.dtype} of shape {image.shape}"
        )
    return (image * 255).round().astype(np.uint8).tobytes()


def _listed(value) -> list | None:
    """A sequence of numbers as a list, or None if it is none."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    if isinstance(value, Tensor | np.ndarray):
        if value.ndim == 2 and len(value) == 1:
            value = value[0]
        return value.tolist() if value.ndim == 1 else None
    return list(value) if isinstance(value, list | tuple) else None


class Weights(traitlets.Bytes):
    """A trait that is float32 numbers, little-endian; it takes any buffer of bytes."""

    def validate(self, obj, value):
        """Refuse what is none, and name it."""
        is_buffer = isinstance(value, bytes | bytearray | memoryview)
        if not is_buffer or len(bytes(value)) % 4:
            raise WrongValue(
                f"wanted {self.name} as the bytes of float32 numbers, got {reprlib.repr(value)}"
            )
        return bytes(value)
