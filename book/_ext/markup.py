"""Turn the book's Markdown into Markdown that any Jupyter shows, for the plain copies of chapters.

The book is written in MyST: roles such as {eq} and directives such as {figure}, which Sphinx
resolves. Here each becomes what stands on the page: a number, a name, a link, a picture, a
quotation. What is not known raises an error, so that no copy holds markup that a reader would see.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:+-]*)\}\s*(?P<argument>.*)$")
OPTION = re.compile(r"^:(?P<key>[\w-]+):\s*(?P<value>.*)$")
TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=\s*$")
MATH_END = re.compile(r"\$\$ *(?:\((?P<label>[^()\s]+)\))?\s*$")
NAMED = re.compile(r"^:(?:label|name): *(?P<label>\S+)")
HEADING = re.compile(r"^(?P<level>#{1,6}) +(?P<text>.*?)\s*$")
INLINE = re.compile(
    r"\{(?P<role>[\w:+-]+)\}(?P<tick>`+)(?P<target>.+?)(?P=tick)(?!`)"
    r"|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<bang>!?)\[(?P<text>[^\]^][^\]]*|)\]\((?P<href>[^)\s]+)\)"
    r"|\[\^(?P<note>[^\]\s]+)\](?P<colon>:?)",
    re.DOTALL,
)
EXPLICIT = re.compile(r"^(?P<title>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
DEFINITION = re.compile(r"^(?P<term>\S.*)\n(?P<body>:[ ]+.*(?:\n(?:[ ]{2,}.+|:[ ]+.+))*)", re.M)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ADMONITIONS = (
    "attention caution danger error hint important note seealso tip warning".split()  # noqa: SIM905
)

# What a reader of a copy must never see.
RAW = {
    "a role": r"\{[\w:+-]+\}`",
    "a directive": r"(?:`{3,}|~{3,}|:{3,})\s*\{[\w:+-]*\}",
    "a colon fence": r"^\s*:{3,}",
    "a target": r"^\([^()\s]+\)=",
    "an option": r"^\s*:[a-z][\w-]*:(?:\s|$)",
    "a label of an equation": r"\$\$[ \t]*\([\w:-]+\)",
    "a footnote": r"\[\^",
    "a comment": r"^%|<!--",
    "a definition": r"^: +\S",
    "a substitution": r"\{\{.*\}\}",
    "a picture beside the book": r"\]\((?!data:|https?:|attachment:)[^)]*\.(?:svg|png|jpg|gif)\)",
}


class MarkupError(ValueError):
    """Markup that has no plain form here."""


@dataclass
class Piece:
    """A cell of a copy: Markdown, and what a folded solution needs."""

    text: str
    collapsed: bool = False  # a heading that hides what stands below it, up to the next one
    after_solution: bool = False  # has to begin with a heading, or it would be hidden as well


@dataclass
class Words:
    """What the book says in place of its markup.

    Every function is given what the markup names and answers with Markdown.
    """

    role: Callable[[str, str, str | None], str]  # role, target, title
    number: Callable[[str, str], str]  # kind (equation, exercise, figure), label
    picture: Callable[[str], str]  # the address of a picture -> a data URI
    link: Callable[[str, str], str]  # text, an address of the book
    checks: Callable[[], str]  # the table of the page's checks, as MyST
    question: Callable[[str, str], tuple[str, str]]  # its name and body -> text and answer, as MyST
    notes: dict = field(default_factory=dict)  # footnotes and their numbers


@dataclass
class Directive:
    """A directive as it was written."""

    name: str
    argument: str
    options: dict
    body: str

    @property
    def hidden(self) -> bool:
        """Whether the page folds it."""
        return "dropdown" in self.options.get("class", "").split() or self.name == "dropdown"


def pieces(source: str, words: Words) -> list[Piece]:
    """The cells of a copy that stand for one Markdown cell of the book."""
    found = [Piece("")]
    for block in blocks(source):
        if isinstance(block, Directive) and block.name.startswith(("exercise", "solution")):
            found += exercise(block, words)
        elif text := plain(block, words):
            found[-1].text += ("\n\n" if found[-1].text else "") + text
    return [piece for piece in found if piece.text.strip() or piece.after_solution]


def plain(block, words: Words) -> str:
    """One block in plain Markdown."""
    text = directive(block, words) if isinstance(block, Directive) else prose(block, words)
    return text.strip("\n")


def markdown(source: str, words: Words) -> str:
    """Some Markdown of the book, within a cell, in plain Markdown."""
    texts = (plain(block, words) for block in blocks(source))
    return "\n\n".join(text for text in texts if text)


def blocks(source: str):
    """Directives, code and mathematics, and the prose between them, in order."""
    lines, held = source.split("\n"), []
    while lines:
        fence, math = FENCE.match(lines[0]), lines[0].strip().startswith("$$")
        if not fence and not math:
            held.append(lines.pop(0))
            continue
        yield "\n".join(held)
        held = []
        yield fenced(lines, fence) if fence else displayed(lines)
    yield "\n".join(held)


def fenced(lines: list[str], fence: re.Match):
    """Take a fenced block from the lines: a directive, or code, which stays as it is."""
    taken, marks = [lines.pop(0)], fence["marks"]
    end = re.compile(rf"^ *{marks[0]}{{{len(marks)},}} *$")
    while lines and not end.match(lines[0]):
        taken.append(lines.pop(0))
    if not lines:
        raise MarkupError(f"this fence is never closed: {taken[0]}")
    last = lines.pop(0)
    found = DIRECTIVE.match(fence["info"].strip())
    if not found:
        return Code("\n".join([*taken, last]))
    if fence["indent"]:
        raise MarkupError(f"a directive in a list has no plain form: {taken[0].strip()}")
    options, body = {}, taken[1:]
    while body and (option := OPTION.match(body[0])):
        options[option["key"]] = option["value"]
        body.pop(0)
    return Directive(found["name"], found["argument"].strip(), options, "\n".join(body))


class Code(str):
    """A block that is not to be touched."""


class Display(str):
    """A displayed formula with its dollars and its label."""


def displayed(lines: list[str]) -> Display:
    """Take a displayed formula from the lines."""
    taken = [lines.pop(0)]
    while not MATH_END.search("\n".join(taken).strip()[2:]):
        if not lines:
            raise MarkupError(f"this formula is never closed: {taken[0]}")
        taken.append(lines.pop(0))
    return Display("\n".join(taken))


def formula(text: str, label: str | None, words: Words) -> str:
    """A displayed formula, with the number that it has on the page."""
    tag = f" \\tag{{{words.number('equation', label)}}}" if label else ""
    return f"$$\n{text.strip()}{tag}\n$$"


def prose(text: str, words: Words) -> str:
    """Markdown between directives: its roles, links, notes, targets and comments."""
    if isinstance(text, Code):
        return text
    if isinstance(text, Display):
        body = text.strip()[2:]
        end = MATH_END.search(body)
        return formula(body[: end.start()], end["label"], words)
    kept = [line for line in text.split("\n") if not TARGET.match(line) and line[:1] != "%"]
    text = COMMENT.sub("", "\n".join(line for line in kept if line.rstrip() != "+++"))
    return INLINE.sub(lambda match: inline(match, words), DEFINITION.sub(definition, text))


def definition(match: re.Match) -> str:
    """A term and what it means, as an item of a list."""
    body = re.sub(r"\n:?\s+", "\n  ", match["body"].removeprefix(":").strip())
    return f"- **{match['term']}**: {body}"


def inline(match: re.Match, words: Words) -> str:
    """A role, a link, a picture or a note within prose."""
    if match["code"]:
        return match["code"]
    if match["role"]:
        explicit = EXPLICIT.match(match["target"])
        title, target = (explicit["title"], explicit["target"]) if explicit else (None, None)
        return words.role(match["role"], target or match["target"], title)
    if match["note"]:
        number = words.notes.setdefault(match["note"], len(words.notes) + 1)
        return f"<sup>{number}</sup>" + (" " if match["colon"] else "")
    if re.match(r"[a-z]+:|#", match["href"]):
        return match[0]
    if match["bang"]:
        return f"![{match['text']}]({words.picture(match['href'])})"
    return words.link(match["text"], match["href"])


def directive(block: Directive, words: Words) -> str:
    """A directive that stays within its cell."""
    name = block.name.removeprefix("proof:")
    if name in ("figure", "image"):
        return figure(block, words)
    if name == "math":
        return formula(block.body, block.options.get("label"), words)
    if name == "checks":
        return markdown(words.checks(), words)
    if name == "question":
        text, answer = (
            markdown(part, words) for part in words.question(block.argument, block.body)
        )
        return f"{quoted('Stop and predict', text)}\n\n{folded('Answer', answer)}"
    if name in ("code", "code-block"):
        return f"```{block.argument}\n{block.body}\n```"
    if name == "margin":
        return quoted("By the way", markdown(block.body, words))
    if name in ADMONITIONS or name in ("admonition", "dropdown") or name != block.name:
        titled = name in ("admonition", "dropdown")
        kind = name.replace("seealso", "see also").capitalize()
        title = block.argument if titled else " ".join([kind, block.argument]).strip()
        body = markdown(block.body, words)
        return folded(title, body) if block.hidden else quoted(title, body)
    raise MarkupError(f"the directive {{{block.name}}} has no plain form yet")


def figure(block: Directive, words: Words) -> str:
    """A picture, with its number and its caption below it."""
    image = f"![{block.options.get('alt', '')}]({words.picture(block.argument)})"
    if block.name == "image":
        return image
    label = block.options.get("name")
    caption = markdown(block.body, words)
    number = f"**{words.number('figure', label)}** " if label else ""
    return f"{image}\n\n{number}{caption}"


def exercise(block: Directive, words: Words) -> list[Piece]:
    """An exercise or its solution: a heading of its own, so that a solution can be folded."""
    if block.name == "solution-end":
        return [Piece("", after_solution=True)]
    solution = block.name.startswith("solution")
    label = block.argument if solution else block.options["label"]
    name = words.number("exercise", label)
    title = "" if solution or not block.argument else f": {block.argument}"
    heading = Piece(f"### {'Solution to ' if solution else ''}{name}{title}", block.hidden)
    body = markdown(block.body, words)
    if not block.hidden:
        return [Piece(f"{heading.text}\n\n{body}")]
    return [heading, Piece(body)]


def quoted(title: str, body: str) -> str:
    """A remark: a quotation with a bold title."""
    lines = [f"**{title}**", "", *body.split("\n")]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def folded(title: str, body: str) -> str:
    """What a reader unfolds. Markdown is read within the tags behind an empty line."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def raw(text: str) -> list[str]:
    """The markup of the book that is left in a copy, outside of its code."""
    text = re.sub(r"^ *(`{3,}|~{3,})(?!\{).*?^ *\1`* *$", "", text, flags=re.M | re.DOTALL)
    text = re.sub(r"(?<![}`])(`{1,2})(?!`).+?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    return [
        f"{kind}: {match.group()}"
        for kind, pattern in RAW.items()
        for match in re.finditer(pattern, text, re.MULTILINE)
    ]


def headings(source: str):
    """The labels of some Markdown, each with the heading that it stands below."""
    heading, waiting = None, []
    for line in source.split("\n"):
        if found := HEADING.match(line):
            heading = found["text"]
            yield from ((label, heading) for label in waiting)
            waiting = []
        elif found := TARGET.match(line):
            waiting.append(found["label"])
        elif line.strip() and waiting:
            yield from ((label, heading) for label in waiting)
            waiting = []
        found = MATH_END.search(line) or NAMED.match(line)
        if found and found["label"]:
            yield found["label"], heading
    yield from ((label, heading) for label in waiting)


def anchor(heading: str) -> str | None:
    """The address of a heading in Jupyter; none if it holds a formula."""
    text = re.sub(r"[`*_]", "", heading)
    return None if "$" in text else "#" + "".join(c if c.isalnum() else quote(c) for c in text)


def quote(character: str) -> str:
    """A character of a heading in an address: Jupyter writes a blank as a hyphen."""
    return {" ": "-", "-": "-", ".": ".", "_": "_"}.get(character) or f"%{ord(character):02X}"
