"""Sums, integrals, searches, limits and derivatives in a printed formula."""

import numpy as np

from book._checks.arrays import Array, as_array, component, over
from book._checks.scope import Given
from book._checks.tex import NOTHING, Node, NotAnExpression, parse_one

MOST = 1_000_000  # terms of a sum
STEP = 1e-3  # of a derivative, whose error is of the fourth power of it
REDUCED = {r"\sum": np.sum, r"\prod": np.prod, r"\min": np.min, r"\max": np.max}
ROUNDS = 40  # of Gauss-Legendre in an interval that has ends: exact for polynomials up to 79


def value(evaluation, node: Node) -> Array:
    """The value of a sum, a product, an integral, a least or largest value, or a limit."""
    index, low, high, body = node.parts
    if node.value == r"\int":
        return integral(evaluation, index, low, high, body)
    if node.value == r"\lim":
        if low.value != r"\infty":
            raise NotAnExpression("a limit is taken to infinity")
        return limit(evaluation, index, body)
    if node.value == r"\operatorname*{arg\,min}":
        return lowest(evaluation, index, body)
    if node.value in (r"\min", r"\max"):
        return extreme(evaluation, node.value, index, body)
    if high is NOTHING:
        return over_all(evaluation, node.value, index, body)
    return over_range(evaluation, node.value, index, low, high, body)


def whole(evaluation, node: Node) -> int:
    """A limit of a sum."""
    number = evaluation.number(node)
    if number.data.ndim or number.data != np.round(number.data):
        raise NotAnExpression(f"a sum runs between whole numbers, not to {node}")
    return int(number.data)


def over_range(evaluation, kind, index, low, high, body) -> Array:
    """A sum or product from one whole number to another."""
    if index.kind != "name" or index.parts:
        raise NotAnExpression("a sum has a letter as its index")
    first, last = whole(evaluation, low), whole(evaluation, high)
    if last - first > MOST:
        return Array(np.float64(np.nan))
    letter = index.value
    numbers = over(letter, np.arange(first, last + 1), start=first)
    terms = evaluation.inside({letter: numbers}).number(body)
    if letter in terms.axes:
        return terms.reduced(REDUCED[kind], letter)
    count = max(last - first + 1, 0)
    return terms * float(count) if kind == r"\sum" else terms ** float(count)


def over_all(evaluation, kind, index, body) -> Array:
    """A sum or product over all values of a variable, or all of an index."""
    if evaluation.scope.find(index, r"\sum"):
        draws = evaluation.draws(r"\sum", index)
        terms = evaluation.inside(draws.names).number(body)
        terms = terms if draws.weights is None else terms * draws.weights
        return terms.reduced(REDUCED[kind], draws.axis)
    return evaluation.number(body).reduced(REDUCED[kind], index.value)


def extreme(evaluation, kind, index, body) -> Array:
    """The least or largest along an index, or among the values that were tried."""
    values = evaluation.number(body)
    if index.kind == "name" and index.value in values.axes:
        return values.reduced(REDUCED[kind], index.value)
    for part in index.parts if index.kind == "list" else (index,):
        if "try" not in evaluation.number(part).axes:
            raise NotAnExpression(f"{part} was not varied")
    return values.reduced(REDUCED[kind], "try")


def lowest(evaluation, index, body) -> Array:
    """Where something is lowest: an index, or what a check's own search finds."""
    entry = evaluation.scope.find(index, r"\operatorname*{arg\,min}")
    if entry is None:
        return evaluation.number(body).reduced(np.argmin, index.value) + 1.0

    def at(place):
        return evaluation.inside({index.value: place}).number(body)

    return entry.value(at)


def limit(evaluation, index, body) -> Array:
    """From two large numbers, so that what is left of first order in 1 / n cancels."""

    def at(count):
        return evaluation.inside({index.value: count}).number(body)

    return 2.0 * at(20_000) - at(10_000)


def integral(evaluation, variable, low, high, body) -> Array:
    """Between two ends by Gauss-Legendre, or over what the check says."""
    if high is NOTHING:
        draws = evaluation.draws(r"\int", variable)
        values = evaluation.inside(draws.names).number(body)
        return (values * draws.weights).sum(draws.axis)
    ends = [evaluation.number(end) for end in (low, high)]
    nodes, weights = np.polynomial.legendre.leggauss(ROUNDS)
    half, middle = (ends[1] - ends[0]) / 2.0, (ends[1] + ends[0]) / 2.0
    points = middle + half * over("point", nodes)
    values = evaluation.inside({variable: points}).number(body)
    return (half * values * over("point", weights)).sum("point")


def step(evaluation, inner: Node) -> Array:
    """The change of a function of z, which must be linear, along dz."""
    z, dz = evaluation.look("z"), evaluation.look("dz")
    return evaluation.inside({"z": z + dz}).number(inner) - evaluation.number(inner)


def parameters(evaluation) -> Node:
    """What a nabla is with respect to."""
    entry = evaluation.scope.find(NOTHING, r"\nabla")
    if entry is None:
        raise NotAnExpression("a nabla with respect to nothing")
    return parse_one(entry.value)


def derivative(evaluation, body: Node, variable: Node) -> Array:
    """The partial derivative by a five-point rule, in each element of the variable.

    A letter of the variable's that the body has too is the same element of both. What the variable
    has beside it, an axis of draws, moves as one, for the body takes each by itself.
    """
    entry = evaluation.scope.find(variable)
    if entry is None or callable(entry.value):
        raise NotAnExpression(f"a derivative in {variable}")
    given = isinstance(entry.value, Given)
    leaf = as_array(entry.value.follows(evaluation.look) if given else entry.value)
    moved = [axis for axis in leaf.axes if axis in entry.indices]
    places = [leaf.data.shape[leaf.axes.index(axis)] for axis in moved]
    shape = (*places, *leaf.data.shape[len(leaf.axes) :])
    letters = [evaluation.index(entry.indices[axis]) for axis in moved]
    if not all(isinstance(letter, str) for letter in letters):
        raise NotAnExpression("a derivative in one element")
    slopes = []
    for at in np.ndindex(*shape):
        slope = _slope(evaluation, body, entry.pattern, _moved(leaf, moved, at))
        for letter, place in zip(letters, at, strict=False):
            if letter in slope.axes:
                slope = component(slope, letter, Array(np.float64(place + 1)))
        slopes.append(slope)
    return _gathered(slopes, shape, letters)


def _moved(leaf: Array, moved: list[str], at: tuple[int, ...]):
    """What the leaf is when one element of it has changed, as a function of the change."""
    axes = iter(at)
    where = [next(axes) if axis in moved else slice(None) for axis in leaf.axes]

    def changed(change: float) -> Array:
        data = leaf.data.copy()
        data[(*where, *axes_left)] += change
        return Array(data, leaf.axes, leaf.start)

    axes_left = tuple(axes)
    return changed


def _slope(evaluation, body: Node, pattern: Node, changed) -> Array:
    def at(steps: int) -> Array:
        return evaluation.inside({pattern: changed(steps * STEP)}).number(body)

    return ((at(-2) - at(2)) + 8.0 * (at(1) - at(-1))) / (12 * STEP)


def _gathered(slopes: list[Array], shape: tuple[int, ...], letters: list[str]) -> Array:
    """The slopes in the elements of a variable, as one array with its axes and dimensions."""
    if not shape:
        return slopes[0]
    axes = slopes[0].axes
    data = np.stack([slope.data for slope in slopes])
    data = data.reshape(*shape, *data.shape[1:])
    own = data.ndim - len(shape) - len(axes)  # dimensions of the body, before the variable's
    front, back = len(letters), len(shape) - len(letters)
    order = [*range(front), *range(len(shape), data.ndim), *range(front, front + back)]
    assert own >= 0
    return Array(data.transpose(order), (*letters, *axes))
