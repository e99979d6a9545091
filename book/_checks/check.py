"""What a check of an equation is, and how it is evaluated.

A check repeats a labelled equation of the book twice: as the TeX that the page prints, so that the
two cannot drift apart, and as Python expressions, one for each side. The sides are evaluated, in
float64 or in SymPy, each from its own expression. `mutants` perturbs the expressions one sign,
constant or operator at a time: a check that still holds then checks nothing.
"""

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import sympy
import torch

STANDARD_ERRORS = 5  # a true statement fails one time in two million


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo mean with its standard error; sums and multiples of it propagate the error."""

    value: torch.Tensor
    error: torch.Tensor

    @classmethod
    def mean(cls, draws: torch.Tensor) -> "Estimate":
        """The mean over the first axis of independent draws."""
        return cls(draws.mean(0), draws.std(0) / math.sqrt(len(draws)))

    def __add__(self, other):
        if isinstance(other, Estimate):
            return Estimate(self.value + other.value, torch.hypot(self.error, other.error))
        return Estimate(self.value + other, self.error)

    def __neg__(self):
        return Estimate(-self.value, self.error)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, factor):
        return Estimate(self.value * factor, self.error * abs(factor))

    def __truediv__(self, divisor):
        return self * (1 / divisor)

    __radd__, __rmul__ = __add__, __mul__


@dataclass(frozen=True)
class Check:
    """One labelled equation and how it is tested.

    Attributes:
        label: the equation's label on the page.
        how: a sentence that tells the reader what was compared with what.
        tex: the equation as the page prints it; white space does not count.
        chains: for each "a = b = ..." in the equation, its sides as Python expressions.
        names: a function without arguments that returns what the names in the sides stand for.
        relation: "==" or "<=" between neighbours, one for all chains or a tuple with one for each;
            "<=" must hold with equality somewhere.
        tolerance: relative to the larger side (or to 1), beside the error of an `Estimate`.
    """

    label: str
    how: str
    tex: str
    chains: tuple[tuple[str, ...], ...]
    names: Callable[[], dict]
    relation: str | tuple[str, ...] = "=="
    tolerance: float = 1e-9

    def failure(self) -> str | None:
        """None if the equation holds, else what does not."""
        names = self.names()
        for chain, relation in zip(self.chains, self.relations, strict=True):
            sides = [(side, eval(side, dict(names))) for side in chain]
            for (left, a), (right, b) in pairwise(sides):
                if not self._holds(a, relation, b):
                    return f"{self.label}: not {left} {relation} {right}: {a} and {b}"
        return None

    @property
    def relations(self) -> tuple[str, ...]:
        """The relation of each chain."""
        if isinstance(self.relation, str):
            return (self.relation,) * len(self.chains)
        return self.relation

    def _holds(self, a, relation: str, b) -> bool:
        if isinstance(a, sympy.Basic) or isinstance(b, sympy.Basic):
            return relation == "==" and sympy.simplify(a - b) == 0
        a, a_error = _value_and_error(a)
        b, b_error = _value_and_error(b)
        allowed = self.tolerance * torch.maximum(a.abs(), b.abs()).clamp(min=1)
        allowed = allowed + STANDARD_ERRORS * torch.hypot(a_error, b_error)
        if not torch.isfinite(a - b).all():
            return False
        if relation == "<=":
            slack = b - a
            return bool((slack >= -allowed).all() and (slack <= allowed).any())
        return bool(((a - b).abs() <= allowed).all())


def _value_and_error(side) -> tuple[torch.Tensor, torch.Tensor]:
    estimate = side if isinstance(side, Estimate) else Estimate(side, 0.0)
    return tuple(torch.as_tensor(x, dtype=torch.float64) for x in (estimate.value, estimate.error))


def mutants(check: Check) -> Iterator[Check]:
    """The check with one sign, constant or operator of one side changed, for every such place."""
    for row, chain in enumerate(check.chains):
        for column, side in enumerate(chain):
            for mutant in _mutated(side):
                changed = (*chain[:column], mutant, *chain[column + 1 :])
                chains = (*check.chains[:row], changed, *check.chains[row + 1 :])
                yield replace(check, chains=chains)


def _mutated(expression: str) -> Iterator[str]:
    """The expression with one node changed, once for each change of each node."""
    count = len(list(ast.walk(ast.parse(expression, mode="eval"))))
    for index in range(count):
        for change in (
            _swap_operator,
            _drop_minus,
            _flip_argument,
            _add_one,
            _double,
            _negate,
        ):
            tree = ast.parse(expression, mode="eval")
            node = list(ast.walk(tree))[index]
            if change(node):
                yield ast.unparse(tree)


def _swap_operator(node) -> bool:
    swaps = {
        ast.Add: ast.Sub,
        ast.Sub: ast.Add,
        ast.Mult: ast.Div,
        ast.Div: ast.Mult,
        ast.Pow: ast.Mult,
        ast.MatMult: ast.Mult,
    }
    if isinstance(node, ast.BinOp) and type(node.op) in swaps:
        node.op = swaps[type(node.op)]()
        return True
    return False


def _drop_minus(node) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node.op = ast.UAdd()
        return True
    return False


def _flip_argument(node) -> bool:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "exp",
        "sum",
        "E",
        "sqrt",
        "log",
    ):
        node.args[0] = ast.UnaryOp(ast.USub(), node.args[0])
        return True
    return False


def _is_number(node) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _add_one(node) -> bool:
    if _is_number(node):
        node.value += 1
        return True
    return False


def _double(node) -> bool:
    if _is_number(node) and node.value != 0:
        node.value *= 2
        return True
    return False


def _negate(node) -> bool:
    if _is_number(node) and node.value != 0:
        node.value = -node.value
        return True
    return False
