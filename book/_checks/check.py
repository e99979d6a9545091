"""What a check of an equation is, and how the printed line is evaluated.

A check says what the names in a labelled equation stand for. The TeX that the page prints is parsed
and evaluated, each side by itself, so that nothing stands between the line and its test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from book._checks.arrays import Array, aligned, as_array
from book._checks.evaluate import Evaluation
from book._checks.scope import Law, Scope
from book._checks.tex import NOTHING, Node, NotAnExpression, parse

STANDARD_ERRORS = 5  # a true statement fails one time in two million


@dataclass(frozen=True)
class Check:
    """One labelled equation and how it is tested.

    Attributes:
        label: the equation's label on the page.
        how: a sentence that tells the reader what was compared with what.
        names: a function without arguments that returns what the names in the TeX stand for, or
            several such dictionaries, as of different sizes (see `book._checks.scope`). "?1" is
            what the first statement's first side must be worth beside what the line says, "?2"
            the second's; with "?only" they are for one statement alone.
        tolerance: relative to the larger side, or to the largest number of both sides.
        floor: what the tolerance is relative to at least, where both sides are zero.
    """

    label: str
    how: str
    names: Callable[[], dict | list[dict]]
    tolerance: float = 1e-9
    floor: float | None = None

    def failure(self, tex: str) -> str | None:
        """None if an equation holds for all the names; else what does not.

        Raises:
            NotAnExpression: if the TeX is none.
        """
        statements = parse(tex)
        if not statements:
            raise NotAnExpression("nothing is said")
        said = set()
        with np.errstate(all="ignore"):
            for test in self._tests:
                for number, statement in enumerate(statements, 1):
                    if test.only not in (None, number):
                        continue
                    said.add(number)
                    try:
                        failure = test.failure(number, statement, tex)
                    except RecursionError:
                        raise NotAnExpression("a name that depends on itself") from None
                    if failure:
                        return f"{self.label}: {failure}"
        unsaid = len(statements) - len(said)
        return f"{self.label}: {unsaid} statements are not compared" if unsaid else None

    @cached_property
    def _tests(self) -> list["_Test"]:
        names = self.names()
        return [_Test(n, self) for n in (names if isinstance(names, list) else [names])]


class _Test:
    """The statements of an equation with one set of names; a side is evaluated once."""

    def __init__(self, names: dict, check: Check):
        self.scope, self.known = Scope(names), {}
        self.only = names.get("?only")
        self.floor = check.floor
        self.tolerance = float(names.get("?tolerance", check.tolerance))

    def failure(self, number: int, statement: Node, tex: str) -> str | None:
        if statement.kind == "range":
            return self._range(statement, tex)
        sides = statement.parts if statement.kind == "relation" else (statement,)
        relations = statement.value.split(" ") if statement.kind == "relation" else []
        values = [self._side(side, tex) for side in sides]
        texts = [tex[side.start : side.end] for side in sides]
        if any(str(left) == str(right) for left, right in pairwise(sides)):
            return "something is compared with itself"
        oracle = self.scope.find(NOTHING, f"?{number}")
        if oracle:
            relations, values = ["=", *relations], [(as_array(oracle.value), []), *values]
            texts = ["what it should be", *texts]
        elif not relations:
            return f"{texts[0]} is said, and compared with nothing"
        return self._chain(relations, values, texts, sides[0])

    def _chain(self, relations, values, texts, first: Node) -> str | None:
        for relation, (a, b), (left, right) in zip(
            relations, pairwise(value for value, _ in values), pairwise(texts), strict=True
        ):
            if isinstance(a, Array) and isinstance(b, Law) and relation == r"\sim":
                a, b = b.levels(a), self._known(r"\sim")
            if not self._holds(self._at_point(a, first), relation, self._at_point(b, first)):
                return f"not {left} {relation} {right}"
        for _, asides in values:
            for inner, label in asides:
                if not self._holds(inner, "=", label):
                    return "what is over a brace is not what is under it"
        return None

    def _side(self, side: Node, tex: str):
        """The value of a side, and what else must be equal in it."""
        text = "".join(tex[side.start : side.end].split())
        if text not in self.known:
            evaluation = Evaluation(self.scope)
            self.known[text] = evaluation.value(side), evaluation.asides
        return self.known[text]

    def _at_point(self, value, first: Node) -> Array:
        """A value as an array: of a law its density, where the first side has its own."""
        if isinstance(value, Law) and first.kind == "apply":
            return value(Evaluation(self.scope).number(first.parts[1]))
        if not isinstance(value, Array):
            raise NotAnExpression("a distribution where a number is wanted")
        return value

    def _known(self, name: str) -> Array:
        entry = self.scope.find(NOTHING, name)
        if entry is None:
            raise NotAnExpression(f"{name} is not expected here")
        return as_array(entry.value)

    def _range(self, statement: Node, tex: str) -> str | None:
        """k = 0, ..., n: all the values that there are, and no others."""
        name, first, last = (self._side(part, tex)[0] for part in statement.parts)
        stated = np.arange(float(first.data), float(last.data) + 1)
        alike = stated.shape == name.data.shape and (stated == name.data).all()
        return None if alike else f"not all of {tex[statement.start : statement.end]}"

    def _holds(self, a: Array, relation: str, b: Array) -> bool:
        """Whether the relation holds, and no sharper one.

        "<=" must hold with equality somewhere and without it elsewhere, "<" up to the least step
        that the names know, and what is approximately equal must not be equal.
        """
        if a.rank != b.rank:
            raise NotAnExpression("a number beside a vector or a matrix")
        try:
            left, right = np.broadcast_arrays(*aligned([a, b])[0])
        except ValueError:
            raise NotAnExpression("sides of different sizes") from None
        gap = right - left
        larger = np.maximum(abs(left), abs(right))
        larger = np.maximum(larger, larger.max(initial=0) if self.floor is None else self.floor)
        allowed = self.tolerance * larger
        if not np.isfinite(gap).all():
            return False
        if relation in (r"\ge", ">"):
            gap = -gap
        equal = abs(gap) <= allowed
        if relation == "=":
            return bool(equal.all())
        if relation in (r"\le", r"\ge"):
            return bool((gap >= -allowed).all() and equal.any() and not equal.all())
        if relation in ("<", ">"):
            return bool(
                (gap > allowed).all() and gap.min() <= self._known("<").data + allowed.max()
            )
        if relation == r"\approx":
            return bool((abs(gap) <= self._known(relation).data).all() and not equal.all())
        return bool(relation == r"\sim" and equal.all())
