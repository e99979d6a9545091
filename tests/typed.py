"""Numbers that somebody typed into prose, where the page should have computed them.

What is found are decimals, shares, multiples, parts, numbers with a unit, and integers that are
neither a size of MNIST nor stand in the page's code. Words for what a reader can count on the page,
"two networks" or "three steps", are none of these. A number that follows from the page's
mathematics, or defines something, is named with its reason in a comment at the end of its cell:

    % typed: "twice as many weights", since the layer is twice as wide
"""

import ast
import re
import sys
from dataclasses import dataclass

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import prose

UNITS = "two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
VALUES = dict(zip(UNITS, range(2, 13), strict=True)) | {"a": 1, "an": 1, "one": 1, "fifteen": 15}
VALUES |= dict(zip(TENS, range(20, 100, 10), strict=True))
POWERS = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}

WORD = rf"(?:{'|'.join([*UNITS, 'fifteen', *TENS])})"
POWER = rf"(?:{'|'.join(POWERS)})"
BIG = rf"(?:an?|one|{WORD})(?:[ -]{POWER})+"
FIGURES = r"\d+(?:,\d{3})*"
COUNT = rf"(?:{FIGURES}|{BIG}|{WORD})"
UNIT = (
    r"(?:%|per ?cent|times(?! \d)|fold|nats?|bits?|(?:milli|micro)?seconds?|minutes?|hours?|days?"
    r"|orders? of magnitude|standard errors?|standard deviations?|[kKMG]i?B|(?:mega|giga)bytes?)"
)
MORE = r"(?:as|of|less|more|fewer|\w+er|worse|better)"
FINE = r"(?:quarter|tenth|twentieth|hundredth|thousandth|millionth)"
COARSE = r"(?:third|fifth|sixth|seventh|eighth|ninth)"
SOME = r"(?: (?!rows?\b|columns?\b|maps?\b)\w+)?"  # "one draw in ten", but no "two rows of ten"
KINDS = {
    "a decimal": r"\d+\.\d+",
    "a number with a unit": rf"\b{COUNT}[ -]?{UNIT}(?!\w)",
    "a multiple": rf"\b(?:twice|thrice|(?:{WORD}|{POWER})-?fold|doubled|halved|tripled)\b",
    "half of something": rf"\bhalf (?:of|the|as|that|its|their|an? {UNIT})\b",
    "a part": rf"\b(?:an?|one) (?:{FINE}\b|{COARSE} {MORE}\b)|\b{WORD} (?:{FINE}|{COARSE})s\b",
    "a large number": rf"\b{POWER}s\b",
    "some of some": rf"\b(?:one|{COUNT}){SOME} (?:in|out of|of)(?: the)? {COUNT}\b",
    "an integer": rf"(?<![\w.,#-]){FIGURES}(?![\w-]|[.,]\d)|\b{BIG}\b",
}
SIZES = {28, 255, 784, 10_000, 60_000}  # of MNIST
DIGITS = {0, 1, 10}  # truth and falsehood, and how many digits there are
USUAL = [  # said of any page, and measured on none
    r"(?:one|two) standard (?:errors?|deviations?)",  # the width of a bar, of an ellipse
    r"half the (?:square|squared)\b",  # a formula in words
    r"version \d+(?:\.\d+)+",
    r"(?:in|of|since) (?:19|20)\d\d\b",
]
MARK = re.compile(r"^% typed: \"(?P<phrase>[^\"\n]+)\", (?P<reason>\S.*)$", re.MULTILINE)


@dataclass
class Typed:
    """A number in prose, what kind of number it is, and its sentence."""

    kind: str
    number: str
    sentence: str

    def __str__(self) -> str:
        """What a test says of it."""
        return f"{self.number} ({self.kind}) in: {self.sentence}"


def typed(text: str, settings=frozenset(), marked=()) -> list[Typed]:
    """The numbers in some prose that nothing accounts for.

    Args:
        text: prose as `book/_ext/prose.py` gives it.
        settings: the numbers in the page's code.
        marked: phrases whose numbers an author has accounted for.
    """
    text = re.sub(r"[ \t]*\n[ \t]*(?=\S)", " ", text)
    known = [*USUAL, *map(re.escape, marked)]
    taken = [match.span() for pattern in known for match in re.finditer(pattern, text, re.I)]
    found = []
    for kind, pattern in KINDS.items():
        for match in re.finditer(pattern, text, re.I):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            if not is_setting(match.group(), kind, settings):
                found.append(Typed(kind, match.group(), sentence_at(text, *match.span())))
    return found


def is_setting(number: str, kind: str, settings) -> bool:
    """Whether a number is a size of MNIST or stands in the page's code."""
    if kind == "an integer":
        return value(number) in settings | SIZES | DIGITS
    if share := re.fullmatch(r"(\d+) ?(?:%|per ?cent)", number):
        return bool({int(share[1]), int(share[1]) / 100} & settings)
    times = re.fullmatch(rf"({FIGURES}) times", number)
    return bool(times) and value(times[1]) in SIZES


def value(number: str) -> int:
    """The integer that some digits or words say."""
    if number[0].isdigit():
        return int(number.replace(",", ""))
    first, *powers = re.split(r"[ -]", number.lower())
    product = VALUES[first]
    for power in powers:
        product *= POWERS[power]
    return product


def sentence_at(text: str, start: int, end: int) -> str:
    """The sentence around a place."""
    begin = [match.end() for match in re.finditer(r"[.?:] |\n", text[:start])]
    stop = re.search(r"[.?:](?:\s|$)|\n|$", text[end:])
    return text[begin[-1] if begin else 0 : end + stop.start() + 1].strip()


def settings_of(sources) -> set:
    """The numbers that stand in code."""
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {number for number in constants if type(number) in (int, float)}


def alt_texts(source: str):
    """What a cell's code says of its figures, without what it computes."""
    for node in ast.walk(ast.parse(source)):
        names = [node.arg] if isinstance(node, ast.keyword) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if "alt" in names:
            parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
            texts = [p.value if isinstance(p, ast.Constant) else prose.GLUED for p in parts]
            yield "".join(texts)


def typed_in(cells) -> list[str]:
    """A line for each typed number of a notebook, and for each mark that marks none."""
    code = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    settings, passages = settings_of(code.values()), prose.passages(cells)
    lines = []
    for cell in cells:
        texts = [passage.text for passage in passages if passage.cell == cell["id"]]
        marks = [match["phrase"] for match in MARK.finditer("".join(cell["source"]))]
        found = [number for text in texts for number in typed(text, settings, marks)]
        for alt in alt_texts(code.get(cell["id"], "")):
            found += [number for number in typed(alt, settings) if number.kind != "an integer"]
        lines += [f"{cell['id']}: {each}" for each in found]
        for mark in marks:
            others = [other for other in marks if other != mark]
            if all(typed(t, settings, others) == typed(t, settings, marks) for t in texts):
                lines.append(f"{cell['id']}: no number is marked by: {mark}")
    return lines
