"""What the names of a formula stand for, and how they are found by what is printed.

The keys of a check's names are TeX. What may vary in them has a colon: `x_{:i}` is any pixel, by
the axis "i" of its value; `q(:z \\mid x)` the density at whatever stands for z there; `f(:)` a
function of anything. Keys of two parts, as `\\mathbb{E} q` or `\\int z`, say what a mean, an
integral, a sum without limits or a search runs over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from book._checks.arrays import Array, as_array, elementwise, with_torch
from book._checks.tex import NOTHING, Node, NotAnExpression, parse_one

OPERATORS = (
    r"\mathbb{E}",
    r"\operatorname{Var}",
    r"\Pr",
    r"\int",
    r"\sum",
    r"\operatorname*{arg\,min}",
)


@dataclass(frozen=True)
class Given:
    """A value that follows from other names, as they are where it is asked for.

    `follows` gets a function that evaluates TeX.
    """

    follows: Callable


@dataclass(frozen=True)
class Draws:
    """What a mean, a sum or an integral runs over.

    Attributes:
        names: the variables that it binds, with `axis` among their axes.
        weights: of each point; None for the mean of all alike.
        axis: the name of the axis along which the points lie.
    """

    names: dict
    weights: Array | None = None
    axis: str = "draw"


def average(values: Array, draws: Draws) -> Array:
    """The mean along the draws; what does not depend on them is its own mean."""
    if draws.weights is not None:
        return (values * draws.weights).sum(draws.axis)
    if draws.axis not in values.axes:
        return values
    return values.reduced(np.mean, draws.axis)


class Law:
    """A family of torch.distributions with its parameters, which may have axes.

    Args:
        family: called with tensors, which are the parameters.
        parameters: of the family.
    """

    def __init__(self, family: Callable, *parameters):
        self.family, self.parameters = family, [as_array(p) for p in parameters]

    def __call__(self, point) -> Array:
        """The density at a point."""
        return with_torch(
            lambda z, *p: self.family(*p).log_prob(z).exp(), as_array(point), *self.parameters
        )

    def levels(self, point: Array) -> Array:
        """The distribution function at a point."""
        return with_torch(lambda z, *p: self.family(*p).cdf(z), point, *self.parameters)

    def divergence(self, other: "Law") -> Array:
        """The divergence from another law, as torch.distributions has it."""
        count = len(self.parameters)

        def kl(*p):
            return kl_divergence(self.family(*p[:count]), other.family(*p[count:]))

        return with_torch(kl, *self.parameters, *other.parameters)


class Isotropic(Law):
    """Independent Gaussians of one mean and one variance: as many as a point has coordinates."""

    def __call__(self, point) -> Array:
        density = elementwise(
            lambda z, mean, deviation: (
                np.exp(-(((z - mean) / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation)
            ),
            as_array(point),
            *self.parameters,
        )
        return Array(density.data.prod(-1), density.axes) if density.rank else density


def gaussian(mean: Array, variance: Array) -> Law:
    """The Gaussian that N(mean, variance) prints: of numbers, or with a covariance matrix."""
    if variance.rank < 2:
        if not (variance.data > 0).all():
            raise NotAnExpression("a variance is positive")
        return Isotropic(Normal, mean, variance.of(lambda v: v**0.5))
    return Law(_multivariate, mean, variance)


def _multivariate(mean, covariance):
    try:
        return MultivariateNormal(mean, covariance)
    except (ValueError, torch.linalg.LinAlgError):
        raise NotAnExpression("a covariance matrix is symmetric and positive") from None


class Scope:
    """Names and what they stand for."""

    def __init__(self, names: dict, table: dict | None = None):
        self.table = dict(table or {})
        for key, value in names.items():
            head, pattern, slots = _pattern(key) if isinstance(key, str) else _as_it_is(key)
            others = [entry for entry in self.table.get(head, ()) if entry[0] != pattern]
            self.table[head] = sorted(
                [*others, (pattern, value, slots)], key=lambda entry: entry[2]
            )

    def with_names(self, names: dict) -> "Scope":
        return Scope(names, self.table)

    def without(self, letters) -> "Scope":
        """The same where some letters are free."""
        left = Scope({}, self.table)
        for letter in letters:
            kept = [entry for entry in left.table.get(letter, ()) if entry[0].parts]
            left.table[letter] = kept
        return left

    def find(self, node: Node, head: str | None = None) -> "Entry | None":
        """What is known of a node, or, of an operator, by what stands under it."""
        for pattern, value, _ in self.table.get(head or head_of(node), ()):
            indices, arguments = {}, []
            if _unify(pattern, node, indices, arguments):
                return Entry(value, indices, arguments, pattern)
        return None


@dataclass(frozen=True)
class Entry:
    """What a scope knows: a value, and what stands in the slots of its name."""

    value: object
    indices: dict
    arguments: list
    pattern: Node


@lru_cache(maxsize=4096)
def _pattern(key: str) -> tuple[str, Node, int]:
    """Under what a key is looked up, what it says, and how many slots it has."""
    operator = key.split(" ")[0]
    if operator in OPERATORS:
        rest = key[len(operator) :].strip()
        return operator, *_as_it_is(parse_one(rest) if rest else NOTHING)[1:]
    if key[0] == "?" or key in (r"\approx", r"\sim", "<", r"\nabla"):
        return key, NOTHING, 0
    return _as_it_is(parse_one(key))


def _as_it_is(node: Node) -> tuple[str, Node, int]:
    pattern = _placeless(node)
    return head_of(node), pattern, sum(part.kind == "slot" for part in pattern.walk())


def _placeless(node: Node) -> Node:
    return Node(node.kind, node.value, tuple(map(_placeless, node.parts)))


def head_of(node: Node) -> str:
    """Under what a name is looked up."""
    if node.kind in ("apply", "power"):
        return f"{node.kind} {head_of(node.parts[0])}"
    return node.value if node.kind == "name" else f"{node.kind} {node.value}"


def _unify(pattern: Node, node: Node, indices: dict, arguments: list) -> bool:
    if pattern.kind == "slot":
        if pattern.value and leading(node) != pattern.value:
            return False
        arguments.append(node)
        return True
    alike = (pattern.kind, pattern.value) == (node.kind, node.value)
    if not alike or len(pattern.parts) != len(node.parts):
        return False
    if pattern.kind in ("sub", "sup") and pattern.parts and pattern.parts[0].kind == "slot":
        indices[pattern.parts[0].value] = node.parts[0]
        return True
    pairs = zip(pattern.parts, node.parts, strict=True)
    return all(_unify(own, other, indices, arguments) for own, other in pairs)


def leading(node: Node) -> str:
    """The letter that an argument begins with: z of z_k and of z(t)."""
    if node.kind == "apply":
        return leading(node.parts[0])
    return node.value if node.kind == "name" else ""
