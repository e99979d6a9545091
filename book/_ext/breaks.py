"""Offer places at which the line may break within a name of the code.

A browser breaks a long name anywhere, without a hyphen, so that a reader takes half of it for a
name. Here each long piece of code in a text, each signature and each entry of an index gets `<wbr>`
behind its dots, underscores, slashes, commas and opening brackets, which adds no character to what
is copied. What is short, and what has a hyphen, which a reader would take for one of the line's,
stays in one line, and no end such as `f)` is parted from a name in a text.
"""

import re
from pathlib import Path

from delivery import DELIVERED

REGION = re.compile(
    r"(?P<pre><(?P<whole>pre|script|svg)\b.*?</(?P=whole)>)"
    r'|(?P<open><code\b[^>]*>)(?P<code>.*?)(?P<close></code>)|<dt class="sig [^>]*>.*?</dt>'
    r'|<table [^>]*class="indextable.*?</table>',
    re.DOTALL,
)
TAGS = re.compile(r"(<[^>]*>)")
# Behind a mark between two parts of a name; not within a number, nor before a name's underscores.
PLACE = re.compile(r"(?<=[\w)\]][_./,(])(?<!\d[.,])(?=[^\W_]|[&*\[({\"'])(?<!\b_)(?<!__)")
SHORT = 16  # characters that any line has room for
LEAST = 7  # characters of a name that are known for a part of one when they stand alone
HYPHENED = re.compile(r"[^\s()]{0,20}-[^\s()]{0,20}")
ENTITY = re.compile(r"&#?\w+;")


def offered(page: str) -> str:
    """A page whose names of code break between their parts alone, and no "et al." does."""
    return REGION.sub(region, page).replace("<em>et al.</em>", "<em>et&nbsp;al.</em>")


def region(match: re.Match) -> str:
    """One piece of code with its places, or what is none as it was."""
    if match["pre"]:
        return match[0]
    if match["open"] is None:
        return with_places(match[0])
    if length(match["code"]) <= SHORT:
        return classed(match["open"]) + match["code"] + match["close"]
    return match["open"] + with_places(match["code"], LEAST) + match["close"]


def length(code: str) -> int:
    """How many characters a reader sees."""
    return len(ENTITY.sub("x", TAGS.sub("", code)))


def classed(tag: str) -> str:
    """The tag of a piece of code that stays in one line."""
    if 'class="' in tag:
        return tag if 'class="whole' in tag else tag.replace('class="', 'class="whole ', 1)
    return tag.replace("<code", '<code class="whole"', 1)


def with_places(region: str, least: int = 0) -> str:
    """Some HTML with `<wbr>` in its text, where a part of a name ends and neither end is short."""
    parts = TAGS.split(region)
    text = "".join(parts[::2])
    places = [place.start() for place in PLACE.finditer(text)]
    places = [at for at in places if min(map(length, ends(text, at))) >= least]
    done, start = [], 0
    for part in parts:
        if part.startswith("<"):
            done.append(part)
            continue
        inside = [at - start for at in places if start < at <= start + len(part)]
        edges = zip([0, *inside], [*inside, len(part)], strict=True)
        pieces = [part[begin:end] for begin, end in edges]
        done.append(
            "<wbr>".join(HYPHENED.sub(r'<span class="whole">\g<0></span>', p) for p in pieces)
        )
        start += len(part)
    return "".join(done)


def ends(text: str, place: int) -> tuple[str, str]:
    """What stands before a place and what behind it, as far as the nearest spaces."""
    return re.split(r"\s", text[:place])[-1], re.split(r"\s", text[place:])[0]


def offer(app, error) -> None:
    """Offer places on all pages that this build wrote."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        if DELIVERED not in page and "_static" not in path.relative_to(app.outdir).parts:
            path.write_text(offered(page), encoding="utf-8")


def setup(app):
    app.connect(
        "build-finished", offer, priority=600
    )  # behind formulas, before pages are delivered
    return {"parallel_read_safe": True, "parallel_write_safe": True}
