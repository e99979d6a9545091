"""The prose of a chapter: what a reader reads, and how long it takes.

Prose is the Markdown of a page without its code, its mathematics and its markup. What stands in a
fold, the solutions of the exercises above all, is prose as well but is not counted, for a page is
read with its folds closed. Nor are the words of a question, which are counted as one question.
"""

import re
from dataclasses import dataclass

import markup

WORDS_A_MINUTE = 200
GLUED = "◆"  # stands where the page has a computed number
NAMED = "◇"  # where it has a work, a chapter, an equation
MATHS = "¤"  # where it has a formula or code, which are no words
BREAK = r"[ \t]*\n(?:[ \t]*\n)+"
ROLE = re.compile(r"\{(?P<role>[\w:+-]+)\}(?P<tick>`+)(?P<target>.+?)(?P=tick)(?!`)", re.DOTALL)
LITERAL = re.compile(r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)", re.DOTALL)
MATH = re.compile(r"(?<!\\)\$(?!\$).+?(?<!\\)\$", re.DOTALL)
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\([^)\s]+\)")
NOTE = re.compile(r"\[\^[^\]\s]+\]:?")
HIDDEN = {"code", "code-block", "checks", "image"}  # directives whose text is no prose


@dataclass
class Passage:
    """Some prose of a page, or one displayed equation."""

    cell: str
    text: str
    folded: bool = False
    equation: bool = False
    question: bool = False


@dataclass
class Reading:
    """What there is to read on a page with its folds closed."""

    words: int
    equations: int
    questions: int = 0

    @property
    def minutes(self) -> int:
        """About how long it takes: each displayed equation and each question is given a minute."""
        return round(self.words / WORDS_A_MINUTE + self.equations + self.questions)

    def __str__(self) -> str:
        """How the page says it."""
        parts = [f"{self.words:,} words", counted(self.equations, "displayed equation")]
        parts += [counted(self.questions, "question")] * bool(self.questions)
        text = f"{', '.join(parts[:-1])} and {parts[-1]}"
        return f"About {self.minutes} minutes to read: {text}, with the folds closed."


def counted(number: int, name: str) -> str:
    """A number of things."""
    return f"{number} {name}{'s' * (number != 1)}"


def passages(cells) -> list[Passage]:
    """All prose of a notebook's cells, in order."""
    found, in_solution = [], False
    for cell in cells:
        if cell["cell_type"] != "markdown" or "remove-cell" in cell["metadata"].get("tags", []):
            continue
        for block in markup.blocks("".join(cell["source"])):
            if isinstance(block, markup.Directive) and block.name == "solution-start":
                in_solution = True
            elif isinstance(block, markup.Directive) and block.name == "solution-end":
                in_solution = False
            else:
                found += within(block, cell["id"], in_solution)
    return found


def within(block, cell: str, folded: bool) -> list[Passage]:
    """The prose of one block."""
    if isinstance(block, markup.Code):
        return []
    if isinstance(block, markup.Display):
        return [Passage(cell, "", folded, equation=True)]
    if not isinstance(block, markup.Directive):
        text = words_of(block)
        return [Passage(cell, text, folded)] if text.strip() else []
    name = block.name.removeprefix("proof:")
    if name == "math":
        return [Passage(cell, "", folded, equation=True)]
    if name in HIDDEN:
        return []
    folded = folded or block.hidden or name in ("solution", "question")
    title = "" if name in ("figure", "solution", "question") else words_of(block.argument)
    found = [Passage(cell, title, folded)] if title.strip() else []
    if name == "question":
        found = [Passage(cell, "", folded, question=True)]
    for inner in markup.blocks(block.body):
        found += within(inner, cell, folded)
    return found


def words_of(text: str) -> str:
    """Markdown with a sign in place of each number that is computed, name and formula."""
    lines = [line for line in text.split("\n") if not markup.TARGET.match(line) and line[:1] != "%"]
    text = markup.COMMENT.sub(" ", "\n".join(lines))
    text = LITERAL.sub(MATHS, ROLE.sub(role, text))
    return NOTE.sub(" ", LINK.sub(lambda match: match["text"], MATH.sub(MATHS, text)))


def role(match: re.Match) -> str:
    """What a role stands for in prose."""
    if match["role"].startswith("glue"):
        return GLUED
    if match["role"] in ("eq", "math") or match["role"].startswith(("code", "py:")):
        return MATHS
    explicit = markup.EXPLICIT.match(match["target"])
    return explicit["title"] if explicit else NAMED


def reading(cells) -> Reading:
    """What there is to read in a notebook's cells with the folds closed."""
    found = passages(cells)
    open_ones = [passage for passage in found if not passage.folded]
    words = sum(len(re.findall(rf"[\w{GLUED}{NAMED}]\S*", p.text)) for p in open_ones)
    equations = sum(passage.equation for passage in open_ones)
    return Reading(words, equations, sum(passage.question for passage in found))
