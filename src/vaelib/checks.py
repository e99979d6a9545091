"""Numbers as a caller may give them, from Python, NumPy, torch or a JSON file."""

import math
import operator


def integer(name: str, value, least: int | None = 1, most: int | None = None) -> int:
    """An integer of any library as Python's own.

    A bool is no number, and 3.0 is no integer: what is meant by it could be 3.5 as well.

    Args:
        name: of the argument, for the message.
        value: an int, a NumPy integer, or an array or tensor of integers without axes.
        least: the lowest that will do, or None.
        most: the highest that will do, or None.

    Raises:
        ValueError: if it is no integer in that range.
    """
    try:
        number = None if _is_no_number(value) else operator.index(value)
    except (TypeError, RuntimeError):  # a tensor of another kind raises either
        number = None
    in_range = number is not None and (least is None or number >= least)
    if not in_range or (most is not None and number > most):
        above = "" if least is None else f" of {least} or more"
        below = "" if most is None else f" and {most} at most"
        raise ValueError(f"wanted {name} as an integer{above}{below}, got {_told(value)}")
    return number


def number(name: str, value, wanted: str = "finite", fits=math.isfinite) -> float:
    """A real number of any library as Python's own float.

    Args:
        name: of the argument, for the message.
        value: a number, or an array or tensor of one without axes. A bool is none.
        wanted: what the number has to be, in words.
        fits: whether a float is that.

    Raises:
        ValueError: if it is no number, or not what is wanted.
    """
    try:
        result = math.nan if _is_no_number(value) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        result = math.nan
    if not fits(result):
        raise ValueError(f"wanted {name} {wanted}, got {_told(value)}")
    return result


def positive(name: str, value) -> float:
    """A finite number above 0, as a float; errors as `number`."""
    return number(name, value, "above 0 and finite", lambda x: 0 < x < math.inf)


def seed(value) -> int:
    """A seed that torch's generators take, as an int; errors as `integer`."""
    return integer("seed", value, -(2**63), 2**64 - 1)


def _is_no_number(value) -> bool:
    """Whether it is text, a bool of any library, or has axes."""
    boolean = isinstance(value, bool) or "bool" in str(getattr(value, "dtype", ""))
    return boolean or isinstance(value, str | bytes) or getattr(value, "ndim", 0) != 0


def _told(value) -> str:
    """The value in a message: an array without axes as its number, other things as Python's."""
    return f"{value}" if getattr(value, "ndim", None) == 0 else repr(value)
