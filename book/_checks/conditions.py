"""Conditions in a printed formula: 1 where they hold, 0 where they do not."""

import numpy as np

from book._checks.arrays import Array, elementwise
from book._checks.tex import Node, NotAnExpression

COMPARED = {"<": np.less, ">": np.greater, r"\le": np.less_equal, r"\ge": np.greater_equal}


def holds(evaluation, node: Node) -> Array:
    """Whether all the relations of a node hold; not a number where a side is none."""
    left = None
    found = Array(np.float64(1.0))
    for relation, part in zip(["", *node.value.split(" ")], node.parts, strict=True):
        if relation == r"\in":
            return within(evaluation, left, part)
        right = evaluation.number(part)
        if relation:
            if relation not in COMPARED:
                raise NotAnExpression(f"{relation} is no condition")
            known = elementwise(np.subtract, left, right) * 0.0
            found = found * (elementwise(COMPARED[relation], left, right) * 1.0 + known)
        left = right
    return found


def within(evaluation, point: Array, box: Node) -> Array:
    """Whether a vector lies in [low, high]^D."""
    if box.kind != "power" or box.parts[0].value != "[" or point.rank != 1:
        raise NotAnExpression("wanted a vector and a power of an interval")
    low, high = (evaluation.number(part) for part in box.parts[0].parts[0].parts)
    fits = evaluation.number(box.parts[1]).data == point.data.shape[-1]
    inside = ((point.data >= low.data) & (point.data <= high.data)).all(-1)
    return Array(np.float64(inside & fits), point.axes)
