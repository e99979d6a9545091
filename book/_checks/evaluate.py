"""The value of a printed formula: what each kind of node is worth where names have values."""

import math

import numpy as np

from book._checks import bigs, conditions
from book._checks.arrays import Array, as_array, component, dot, elementwise, times
from book._checks.matrices import Multiple, add, determinant, multiplied, power, trace, transposed
from book._checks.scope import Draws, Given, Law, Scope, average, gaussian
from book._checks.tex import NOTHING, Node, NotAnExpression, parse_one

CONSTANTS = {r"\pi": math.pi, "e": math.e}
ELEMENTS = {r"\log": np.log, r"\exp": np.exp, r"\sin": np.sin, r"\cos": np.cos, r"\sqrt": np.sqrt}
PAIRS = {r"\max": np.maximum, r"\min": np.minimum}


class Evaluation:
    """Evaluates nodes with the names of a scope.

    `asides` collects what must be equal beside the sides: what is over and under a brace.
    """

    def __init__(self, scope: Scope, asides: list | None = None):
        self.scope = scope
        self.asides = [] if asides is None else asides

    def inside(self, names: dict) -> "Evaluation":
        """The same with more names, or others."""
        return Evaluation(self.scope.with_names(names), self.asides)

    def value(self, node: Node):
        """The value: an Array, a Law, or a multiple of the identity."""
        return getattr(self, f"_{node.kind}", self._unknown)(node)

    def number(self, node: Node) -> Array:
        """The value, which is an array."""
        value = self.value(node)
        if not isinstance(value, Array):
            raise NotAnExpression(f"a distribution or a matrix where a number is wanted: {node}")
        return value

    def look(self, tex: str):
        """The value of some TeX, for values that follow from others."""
        return self.value(parse_one(tex))

    def _unknown(self, node: Node):
        raise NotAnExpression(f"nothing is known of {node}")

    def found(self, node: Node):
        """What the scope has for a node as it is printed; None if it has nothing."""
        entry = self.scope.find(node)
        if entry is None:
            return None
        value = entry.value
        if isinstance(value, Given):
            inside = Evaluation(self.scope.without(entry.indices), self.asides)
            value = value.follows(inside.look)
        if isinstance(value, Law) and not entry.arguments:
            return value
        if callable(value):
            value = self._called(value, entry.arguments)
        if isinstance(value, Multiple):
            return value
        return self.indexed(as_array(value), entry.indices)

    def _called(self, function, arguments) -> Array:
        values = [self.number(argument) for argument in arguments]
        try:
            return function(*values)
        except (RuntimeError, ValueError, IndexError) as error:
            raise NotAnExpression(f"an argument that does not fit: {error}") from None

    def indexed(self, array: Array, indices: dict) -> Array:
        """The array with the printed indices in the place of its axes."""
        if not indices:
            return array
        renamed = {axis: f"#{axis}" for axis in indices}
        start = {renamed.get(axis, axis): first for axis, first in array.start.items()}
        axes = tuple(renamed.get(axis, axis) for axis in array.axes)
        array = Array(array.data, axes, start)
        for axis, item in indices.items():
            if renamed[axis] not in array.axes:
                raise NotAnExpression(f"no index {axis} here")
            index = self.index(item)
            kept = {name: first for name, first in array.start.items() if name in renamed.values()}
            array = component(array, renamed[axis], index)
            array = Array(array.data, array.axes, kept)
        return array

    def index(self, item: Node) -> Array | str:
        """What an index stands for: its values, or its letter if it is free."""
        if item.kind == "name" and not item.parts and self.scope.find(item) is None:
            return item.value
        return self.number(item)

    def _number(self, node):
        return self.found(node) or Array(np.float64(node.value))

    def _name(self, node):
        value = self.found(node)
        if value is not None:
            return value
        if node.value in CONSTANTS and not node.parts:
            return Array(np.float64(CONSTANTS[node.value]))
        if node.value == "I" and not node.parts:
            return Multiple()
        return self._component(node)

    def _component(self, node):
        """An element of a vector or a matrix that the scope has under its name without index."""
        items = [part.parts[0] for part in node.parts if part.kind == "sub" and part.parts]
        others = tuple(part for part in node.parts if part.kind != "sub")
        whole = self.found(Node("name", node.value, others)) if items else None
        if not isinstance(whole, Array) or whole.rank != len(items):
            raise NotAnExpression(f"nothing is known of {node}")
        axes = [f"#{place}" for place in range(len(items))]
        array = Array(whole.data, (*whole.axes, *axes))
        for axis, item in zip(axes, items, strict=True):
            array = component(array, axis, self.index(item))
        return array

    def _sum(self, node):
        total = None
        for sign, part in zip(node.value, node.parts, strict=True):
            term = self.value(part)
            if isinstance(term, Law):
                raise NotAnExpression("a sum of distributions")
            term = -term if sign == "-" else term
            total = term if total is None else add(total, term)
        return total

    def _product(self, node):
        total = self.value(node.parts[0])
        for operator, part in zip(node.value[1:], node.parts[1:], strict=True):
            factor = self.value(part)
            if operator == "/":
                total = multiplied(total, power(factor, -1.0, divide=True))
            elif operator == "." and getattr(total, "rank", 0) == 1:
                total = self._dotted(total, factor)
            else:
                total = multiplied(total, factor)
        return total

    def _dotted(self, total, factor):
        return dot(total, factor) if factor.rank == 1 else times(total, factor)

    def _fraction(self, node):
        found = self.found(node)
        if found is not None:
            return found
        above, below = (self.value(part) for part in node.parts)
        return multiplied(above, power(below, -1.0, divide=True))

    def _power(self, node):
        found = self.found(node)
        if found is not None:
            return found
        base, exponent = node.parts
        raised = self.number(exponent)
        if self._is_product(base):  # its second factor alone has the exponent
            return multiplied(self.value(base.parts[0]), power(self.value(base.parts[1]), raised))
        return power(self.value(base), raised)

    def _is_product(self, node: Node) -> bool:
        """Whether a name before a parenthesis is a factor, for no function has that name."""
        if node.kind != "apply" or len(node.parts) != 2 or self.scope.find(node):
            return False
        head = node.parts[0]
        return head.value not in PAIRS and self.function_of(head) is None

    def function_of(self, head: Node):
        """A function that every check knows by its name."""
        if head.value in (r"\mathrm{sigmoid}", r"\operatorname{sigmoid}"):
            return lambda a: 1 / (1 + np.exp(-a))
        if head.value == r"\operatorname{tr}":
            return trace
        return None

    def _transpose(self, node):
        return transposed(self.value(node.parts[0]))

    def _group(self, node):
        if node.parts[1] is not NOTHING:
            raise NotAnExpression("a condition outside of a mean")
        return self.value(node.parts[0])

    def _relation(self, node):
        return conditions.holds(self, node)

    def _norm(self, node):
        inner = self.number(node.parts[0])
        return dot(inner, inner).of(np.sqrt)

    def _abs(self, node):
        return self.number(node.parts[0]).of(np.abs)

    def _function(self, node):
        found = self.found(node)
        if found is not None:
            return found
        if node.value == r"\det":
            return determinant(self.number(node.parts[0]))
        value = self.number(node.parts[0]).of(ELEMENTS[node.value])
        return value / self.number(node.parts[1]).of(np.log) if len(node.parts) > 1 else value

    def _apply(self, node):
        found = self.found(node)
        if found is not None:
            return found
        head, *arguments = node.parts
        if head.value == r"\mathrm{KL}":
            return self._divergence_between(node)
        if head.value == r"\mathcal{N}":
            return self._gaussian(node)
        if head.value in PAIRS and len(arguments) == 2:
            return elementwise(PAIRS[head.value], *map(self.number, arguments))
        if len(arguments) != 1:
            raise NotAnExpression(f"nothing is known of {node}")
        function = self.function_of(head)
        if function is not None:
            return self.number(arguments[0]).of(function)
        return multiplied(self.value(head), self.value(arguments[0]))

    def _gaussian(self, node):
        values = [self.value(part) for part in node.parts[1:]]
        point = values.pop(0) if node.value.startswith(";") else None
        if len(values) != 2 or isinstance(values[0], Multiple):
            raise NotAnExpression("a Gaussian has a mean and a variance")
        law = gaussian(*Multiple.written_out(values, point))
        return law if point is None else law(point)

    def _divergence_between(self, node):
        laws = [self.law(part) for part in node.parts[1:]]
        if node.value != "!" or len(laws) != 2:
            raise NotAnExpression("a divergence is between two distributions")
        own = self.scope.find(NOTHING, "?KL")
        return own.value(*laws) if own else laws[0].divergence(laws[1])

    def law(self, node: Node) -> Law:
        """The distribution that is named: by itself, by its density, or as a Gaussian."""
        entry = self.scope.find(node)
        if entry is None:
            law = self.value(node) if node.kind == "apply" else None
        else:
            law = entry.value
            law = law.follows(self.look) if isinstance(law, Given) else law
            if isinstance(law, Law) and entry.indices:
                law = Law(law.family, *(self.indexed(p, entry.indices) for p in law.parameters))
        if not isinstance(law, Law):
            raise NotAnExpression(f"{node} is no distribution")
        return law

    def _brace(self, node):
        inner = self.number(node.parts[0])
        label = self.found(node.parts[1])
        if label is not None:
            self.asides.append((inner, label))
        return inner

    def _mean(self, node):
        found = self.found(node)
        if found is not None:
            return found
        under, inner, given = node.parts
        draws = self.draws(node.value, under if given is NOTHING else given)
        body = self.inside(draws.names).number(inner)
        mean = average(body, draws)
        if node.value == r"\operatorname{Var}":
            return average((body - mean) ** 2, draws)
        return mean

    def draws(self, operator: str, under: Node) -> Draws:
        """What an operator runs over."""
        entry = self.scope.find(under, operator)
        if entry is None and operator == r"\operatorname{Var}":
            entry = self.scope.find(under, r"\mathbb{E}")
        if entry is None:
            raise NotAnExpression(f"{operator} over nothing that is known: {under}")
        draws, indices = entry.value, entry.indices
        draws = draws.follows(self.look) if isinstance(draws, Given) else draws
        if not indices:
            return draws
        names = {key: self.indexed(as_array(v), indices) for key, v in draws.names.items()}
        weights = draws.weights
        if weights is not None and set(indices) <= set(weights.axes):
            weights = self.indexed(weights, indices)
        return Draws(names, weights, draws.axis)

    def _big(self, node):
        return bigs.value(self, node)

    def _derivative(self, node):
        return self.found(node) or bigs.derivative(self, *node.parts)

    def _differential(self, node):
        return self.found(node) or bigs.step(self, node.parts[0])

    def _nabla(self, node):
        return bigs.derivative(self, node.parts[0], bigs.parameters(self))

    def _divergence(self, node):
        matrix = self._nabla(node)
        if matrix.rank != 2:
            raise NotAnExpression("a divergence is of vectors")
        return Array(matrix.data.trace(axis1=-2, axis2=-1), matrix.axes)
