"""Products, powers and sums of matrices and of multiples of the identity."""

import numpy as np

from book._checks.arrays import Array, as_array, times
from book._checks.tex import NotAnExpression


class Multiple:
    """A number times the identity matrix, of whatever size is wanted."""

    def __init__(self, factor=1.0):
        self.factor = as_array(factor)

    def __neg__(self):
        return Multiple(-self.factor)

    def matrix(self, size: int) -> Array:
        """Written out."""
        return self.factor * Array(np.eye(size))

    @staticmethod
    def written_out(values: list, point: Array | None) -> list[Array]:
        """A mean and a variance: of a multiple of the identity the elements of the diagonal."""
        mean, variance = values
        if isinstance(variance, Multiple):
            if mean.rank == 1:
                return [mean, variance.matrix(mean.data.shape[-1])]
            if point is not None and point.rank == 1:
                size = point.data.shape[-1]
                return [mean * Array(np.ones(size)), variance.matrix(size)]
            return [mean, variance.factor]
        return [as_array(mean), as_array(variance)]


def add(left, right):
    """The sum; a multiple of the identity goes to the diagonal of a matrix, and only there."""
    if isinstance(left, Multiple) and isinstance(right, Multiple):
        return Multiple(left.factor + right.factor)
    if isinstance(left, Multiple):
        left, right = right, left
    if isinstance(right, Multiple):
        if left.rank != 2:
            raise NotAnExpression("the identity is added to a matrix")
        right = right.matrix(left.data.shape[-1])
    return left + right


def multiplied(left, right):
    """The product of numbers, vectors, matrices and multiples of the identity."""
    pair = (left, right)
    if not all(isinstance(value, Array | Multiple) for value in pair):
        raise NotAnExpression("a product of distributions")
    if isinstance(left, Multiple) and isinstance(right, Multiple):
        return Multiple(left.factor * right.factor)
    for one, other in (pair, pair[::-1]):
        if isinstance(one, Multiple):
            return Multiple(one.factor * other) if other.rank == 0 else one.factor * other
    return times(left, right)


def power(base, exponent, divide: bool = False):
    """The power; of a matrix an inverse, a whole power or, if it is symmetric, any other."""
    if isinstance(base, Multiple):
        return Multiple(base.factor**exponent)
    if not isinstance(base, Array):
        raise NotAnExpression("a power of a distribution")
    if base.rank < 2:
        return base**exponent
    exponent = as_array(exponent)
    if divide or exponent.axes or exponent.rank:
        raise NotAnExpression("a matrix below a line or with an index in its exponent")
    return _matrix_power(base, float(exponent.data))


def _matrix_power(base: Array, exponent: float) -> Array:
    matrix = base.data
    if matrix.shape[-1] != matrix.shape[-2]:
        raise NotAnExpression("a power of a matrix that is not square")
    if exponent == int(exponent):
        return Array(np.linalg.matrix_power(matrix, int(exponent)), base.axes)
    if not np.allclose(matrix, np.swapaxes(matrix, -1, -2)):
        raise NotAnExpression("a root of a matrix that is not symmetric")
    values, vectors = np.linalg.eigh(matrix)
    return Array((vectors * values[..., None, :] ** exponent) @ np.swapaxes(vectors, -1, -2))


def transposed(value):
    """A matrix with rows and columns exchanged; a vector lying."""
    if isinstance(value, Multiple):
        return value
    if value.rank == 2:
        return Array(np.swapaxes(value.data, -1, -2), value.axes)
    if value.rank == 1:
        return Array(value.data, value.axes, row=not value.row)
    raise NotAnExpression("a number has no transpose")


def determinant(value: Array) -> Array:
    """Of a square matrix."""
    if value.rank != 2 or value.data.shape[-1] != value.data.shape[-2]:
        raise NotAnExpression("a determinant is of a square matrix")
    return Array(np.linalg.det(value.data), value.axes)


def trace(matrices: np.ndarray) -> np.ndarray:
    """Of square matrices: the sums of their diagonals."""
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise NotAnExpression("a trace is of a square matrix")
    return matrices.trace(axis1=-2, axis2=-1)
