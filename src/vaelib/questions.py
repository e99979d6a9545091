"""Questions of the book, with their right and their wrong answers as a cell computes them.

A chapter asks in Markdown, and a cell below it says which answers there are: the right one, and
those that follow from usual mistakes. Each function displays, as text, what the page and the tests
then read. In a plain copy of a chapter, `ask` shows the page's form below the question.
"""

import base64
import json
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from vaelib.checks import integer, positive
from vaelib.checks import number as checked_number
from vaelib.widgets.base import deflated
from vaelib.widgets.question import QuestionForm

METADATA = "question"  # of an output: the name of the question that it answers
MOST_LINES = 6  # all orders of which are tried
_forms: dict[str, str] = {}  # what a copy's page has of its questions, by their names


@dataclass(frozen=True)
class Answers:
    """The answers to one question, as its cell displays them.

    Attributes:
        name: of the question, in `{question} name`.
        answers: what is displayed, as JSON holds it.
    """

    name: str
    answers: dict

    def __str__(self) -> str:
        """The answers as JSON."""
        return json.dumps({"question": self.name} | self.answers, indent=1, ensure_ascii=False)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(self)}, {METADATA: self.name}


def number(
    name: str, right, *, unit: str = "", decimals: int = 2, tolerance: float = 0.02, **wrong
) -> Answers:
    """Answers to a question for a number.

    A reader's number is taken for one of these if it is off by at most `tolerance` times it, or
    by half of the last decimal.

    Args:
        name: of the question.
        right: the right answer, a number.
        unit: in which it is asked for, such as "nats".
        decimals: with which the answers are shown.
        tolerance: how far off a number may be, as a share of the answer.
        **wrong: for the name of each mistake the number that it leads to.

    Raises:
        ValueError: if there is no wrong answer, or if two answers cannot be told apart.

    Examples:
        >>> print(number("kl-of-a-shift", 2, unit="nats", no_half=4))
        {
         "question": "kl-of-a-shift",
         "kind": "number",
         "unit": "nats",
         "tolerance": 0.02,
         "right": "2.00",
         "wrong": {
          "no half": "4.00"
         }
        }
    """
    decimals, share = integer("decimals", decimals, 0, 12), positive("tolerance", tolerance)
    values = {key.replace("_", " "): checked_number(key, value) for key, value in wrong.items()}
    values = {"right": checked_number("right", right)} | values
    shown = {key: f"{round(value, decimals) + 0.0:,.{decimals}f}" for key, value in values.items()}
    rounded = {key: float(text.replace(",", "")) for key, text in shown.items()}
    _check_some_wrong(name, len(values) - 1)
    near = {key: max(share * abs(value), 0.5 * 10**-decimals) for key, value in rounded.items()}
    keys = sorted(rounded, key=rounded.__getitem__)
    for one, other in pairwise(keys):
        if rounded[other] - rounded[one] <= near[one] + near[other]:
            raise ValueError(
                f"wanted answers to {name} that can be told apart, got {shown[one]} for {one!r} "
                f"and {shown[other]} for {other!r}"
            )
    answers = {"kind": "number", "unit": unit, "tolerance": share, "right": shown.pop("right")}
    return Answers(name, answers | {"wrong": shown})


def choice(name: str, options: Mapping[str, bool]) -> Answers:
    """Answers to a question for one of several options.

    Args:
        name: of the question.
        options: for each option, by its name, whether it is the right one.

    Raises:
        ValueError: if not exactly one is right, or if it is the only one.

    Examples:
        >>> choice("beta", {"up": 2 > 3, "down": 2 < 3}).answers
        {'kind': 'choice', 'right': 'down', 'wrong': ['up']}
    """
    right = [option for option, is_right in options.items() if is_right]
    if len(right) != 1:
        raise ValueError(f"wanted one right option of {name}, got {right}")
    wrong = [option for option in options if option not in right]
    _check_some_wrong(name, len(wrong))
    return Answers(name, {"kind": "choice", "right": right[0], "wrong": wrong})


def order(
    name: str, lines: Sequence[str], stands: Callable[[tuple[str, ...]], bool] | Mapping[str, str]
) -> Answers:
    """Answers to a question for the order of some lines; all orders are tried.

    Args:
        name: of the question.
        lines: by their names, which for code are the code.
        stands: whether an order is right; or, for a line, the line that has to stand somewhere
            above it.

    Raises:
        ValueError: if no order or every order is right, or if there are more than six lines.

    Examples:
        >>> order("tea", ["boil", "pour", "drink"], {"pour": "boil", "drink": "pour"}).answers
        {'kind': 'order', 'start': ['pour', 'boil', 'drink'], 'right': [['boil', 'pour', 'drink']]}
    """
    lines = tuple(lines)
    if not 2 <= len(set(lines)) == len(lines) <= MOST_LINES:
        raise ValueError(f"wanted 2 to {MOST_LINES} different lines for {name}, got {lines}")
    if isinstance(stands, Mapping):
        needs = dict(stands)
        if strange := (needs.keys() | set(needs.values())) - set(lines):
            raise ValueError(f"wanted needs among the lines of {name}, got {sorted(strange)}")

        def stands(tried):
            return all(tried.index(need) < tried.index(line) for line, need in needs.items())

    tried = list(permutations(lines))
    right = [list(each) for each in tried if stands(each)]
    if len(right) in (0, len(tried)):
        raise ValueError(f"wanted right and wrong orders of {name}, got {len(right)} right ones")
    firsts = {each[0] for each in right}
    starts = [each for each in tried if each[0] not in firsts] or [
        each for each in tried if list(each) not in right
    ]
    start = list(random.Random(name).choice(starts))  # the same on every machine
    return Answers(name, {"kind": "order", "start": start, "right": right})


def _check_some_wrong(name: str, count: int):
    """Raise a ValueError if a question has no wrong answers."""
    if not count:
        raise ValueError(f"wanted at least one wrong answer to {name}, got none")


def packed(forms: Mapping[str, str]) -> str:
    """The HTML of some questions, by their names, as a short text in which nobody reads answers."""
    return deflated(json.dumps(dict(forms), ensure_ascii=False).encode())


def unpack(text: str) -> None:
    """Remember the questions of a plain copy, so that `ask` can show them."""
    _forms.update(json.loads(zlib.decompress(base64.b64decode(text))))


def ask(name: str) -> QuestionForm:
    """The form of a question, for Jupyter: it takes an answer and says what was right or wrong.

    Args:
        name: of the question, in a plain copy of a chapter.

    Raises:
        ValueError: if no cell of the copy has brought the question.
    """
    if name not in _forms:
        raise ValueError(
            f"wanted the name of a question of this copy, got {name!r}: run the copy's first "
            "cells, which bring its questions"
        )
    return QuestionForm(name=name, html=_forms[name])
