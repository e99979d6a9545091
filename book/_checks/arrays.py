"""Values with named axes, in which the printed formulas are evaluated.

`over("n i", values)` has an axis for each index; what an index does not name is a vector's or a
matrix's own: a value without such dimensions is a number, with one a vector, with two a matrix.
Numbers and vectors meet element by element, matrices are multiplied as matrices. Two values are
brought together by the names of their axes, so that a wrong index gives a wrong value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from book._checks.tex import NotAnExpression


@dataclass(frozen=True)
class Array:
    """Numbers, vectors or matrices along named axes.

    Attributes:
        data: its first dimensions are the axes.
        axes: their names.
        start: the first index of an axis where it is not 1.
        row: whether a vector lies, after a transposition.
    """

    data: np.ndarray
    axes: tuple[str, ...] = ()
    start: dict = field(default_factory=dict)
    row: bool = False

    @property
    def rank(self) -> int:
        return self.data.ndim - len(self.axes)

    def __add__(self, other):
        return elementwise(np.add, self, other)

    def __sub__(self, other):
        return elementwise(np.subtract, self, other)

    def __rsub__(self, other):
        return elementwise(np.subtract, other, self)

    def __mul__(self, other):
        return elementwise(np.multiply, self, other)

    def __truediv__(self, other):
        return elementwise(np.divide, self, other)

    def __rtruediv__(self, other):
        return elementwise(np.divide, other, self)

    def __pow__(self, other):
        return elementwise(np.power, self, other)

    def __neg__(self):
        return Array(-self.data, self.axes, row=self.row)

    __radd__, __rmul__ = __add__, __mul__

    def of(self, function: Callable) -> "Array":
        """The function of each element."""
        return Array(function(self.data), self.axes)

    def sum(self, axis: str) -> "Array":
        return self.reduced(np.sum, axis)

    def reduced(self, function: Callable, axis: str) -> "Array":
        """What a function of NumPy makes of an axis."""
        if axis not in self.axes:
            raise NotAnExpression(f"nothing here depends on {axis}")
        place = self.axes.index(axis)
        if not self.data.shape[place] and function not in (np.sum, np.prod):
            return Array(np.float64(np.nan))
        return Array(function(self.data, axis=place), self.axes[:place] + self.axes[place + 1 :])


def over(axes: str, values, start: int = 1) -> Array:
    """Values with axes of these names, in their order; the first has `start` as its first index."""
    names = tuple(axes.split())
    return Array(as_numpy(values), names, {names[0]: start} if names else {})


def as_numpy(values) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    return np.asarray(values, dtype=np.float64)


def as_array(value) -> Array:
    return value if isinstance(value, Array) else Array(as_numpy(value))


def aligned(arrays: list[Array]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """The arrays with all the axes of any of them in one order, and the dimensions behind."""
    axes = tuple(dict.fromkeys(axis for array in arrays for axis in array.axes))
    found = []
    for array in arrays:
        if array.axes == axes:
            found.append(array.data)
            continue
        own = [axis for axis in axes if axis in array.axes]
        order = [array.axes.index(axis) for axis in own]
        data = array.data.transpose(*order, *range(len(own), array.data.ndim))
        shape = [data.shape[own.index(axis)] if axis in own else 1 for axis in axes]
        found.append(data.reshape(*shape, *data.shape[len(own) :]))
    return found, axes


def elementwise(function: Callable, *values) -> Array:
    """A function of NumPy of what stands at the same indices; a number meets all of a vector."""
    arrays = [as_array(value) for value in values]
    rank = max(array.rank for array in arrays)
    if any(array.rank not in (0, rank) for array in arrays):
        raise NotAnExpression("a vector meets a matrix")
    data, axes = aligned(arrays)
    data = [
        d if array.rank == rank else d.reshape(*d.shape, *[1] * rank)
        for d, array in zip(data, arrays, strict=True)
    ]
    try:
        return Array(function(*data), axes, row=any(array.row for array in arrays))
    except ValueError as error:
        raise NotAnExpression(f"sizes that do not fit: {error}") from None


def times(left: Array, right: Array) -> Array:
    """What stands side by side: numbers and vectors element by element, matrices as matrices."""
    ranks = (left.rank, right.rank)
    if 0 in ranks or (ranks == (1, 1) and not left.row and not right.row):
        return left * right
    if ranks == (1, 1) and left.row:
        return dot(left, right)
    if ranks == (1, 2) and not left.row:
        raise NotAnExpression("a standing vector before a matrix")
    data, axes = aligned([left, right])
    try:
        if ranks == (2, 1):
            return Array((data[0] @ data[1][..., None])[..., 0], axes)
        if ranks == (1, 2):
            return Array((data[0][..., None, :] @ data[1])[..., 0, :], axes, row=True)
        return Array(data[0] @ data[1], axes)
    except ValueError as error:
        raise NotAnExpression(f"sizes that do not fit: {error}") from None


def dot(left: Array, right: Array) -> Array:
    """The inner product of two vectors."""
    if (left.rank, right.rank) != (1, 1):
        raise NotAnExpression("an inner product is of two vectors")
    product = Array(left.data, left.axes) * Array(right.data, right.axes)
    return Array(product.data.sum(-1), product.axes)


def with_torch(function: Callable, *values) -> Array:
    """A function of torch that takes tensors with the axes in front, aligned."""
    data, axes = aligned([as_array(value) for value in values])
    try:
        return Array(as_numpy(function(*(torch.from_numpy(np.array(d)) for d in data))), axes)
    except (RuntimeError, ValueError) as error:
        if any(np.isnan(d).any() for d in data):
            return Array(np.float64(np.nan))
        raise NotAnExpression(f"sizes or values that do not fit: {error}") from None


def component(array: Array, axis: str, index: Array | str) -> Array:
    """An axis with an index in its place: renamed to a free letter, or looked up at its values.

    Beyond its ends there is nothing: not a number.
    """
    place = array.axes.index(axis)
    if isinstance(index, str):
        if index not in array.axes:
            axes = tuple(index if name == axis else name for name in array.axes)
            return Array(array.data, axes)
        other = array.axes.index(index)
        data = np.moveaxis(array.data.diagonal(axis1=place, axis2=other), -1, 0)
        rest = tuple(name for name in array.axes if name not in (axis, index))
        return Array(data, (index, *rest))
    if index.rank or not np.equal(index.data, np.round(index.data)).all():
        raise NotAnExpression("an index is a whole number")
    places = index.data.astype(int) - array.start.get(axis, 1)
    size = array.data.shape[place]
    rest = tuple(name for name in array.axes if name != axis)
    values = Array(np.moveaxis(array.data, place, len(rest)), rest)  # its own first dimension: axis
    (data, at), axes = aligned([values, Array(places, index.axes)])
    at = at.reshape(*at.shape, *[1] * (data.ndim - len(axes)))
    shape = np.broadcast_shapes(data.shape[: len(axes)], at.shape[: len(axes)])
    data = np.broadcast_to(data, (*shape, *data.shape[len(axes) :]))
    at = np.broadcast_to(at, (*shape, 1, *data.shape[len(axes) + 1 :]))
    found = np.take_along_axis(data, np.clip(at, 0, size - 1), axis=len(axes))
    found = np.where((at >= 0) & (at < size), found, np.nan)
    return Array(found.squeeze(len(axes)), axes)
