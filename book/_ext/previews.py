"""Write what a link of the book leads to, for a small card beside the link.

While the reader points at a link, `previews.js` shows the equation, the work, the row of the
notation, the term, the figure or the exercise. Where that stands on the same page, the script takes
it from there. Of other pages nothing can be asked where a page is opened as a file, so each has a
classic script `_static/previews/NAME.js` with those of its places to which other pages link; it is
loaded when somebody first points at one of these links. All of it is made of the finished pages, as
the last step of a build, so that drawings, classes and pictures are theirs.
"""

import hashlib
import html
import json
import re
from pathlib import Path, PurePosixPath

LINK = re.compile(
    r'<a class="((?:symbol )?reference internal[^"]*)"(?: data-preview="\w*")?'
    r' href="([^"#]*)#([^"]+)"'
)
SCRIPT = re.compile(r'<script defer(?: data-version="\w*")?( src="[^"]*_static/previews\.js)')
TITLE = re.compile(r'<h1>((?:(?!</h1>).)*?)<a class="headerlink"', re.DOTALL)
GLYPH = re.compile(r'<path id="glyph-(\d+)" d="([^"]*)"></path>')
USED = re.compile(r'href="#glyph-(\d+)"')
HEADLINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
BACKLINKS = re.compile(r'<span class="(?:backrefs|label)">.*?</span>(?=\s*<p>)', re.DOTALL)
INNER_LINK = re.compile(r'<a class="[^"]*internal[^"]*"[^>]*>(.*?)</a>', re.DOTALL)
APART = re.compile(r'\s(?:id|aria-labelledby)="[^"]*"| role="listitem"')  # what a copy has not
CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
HERE = {"Equation", "Figure", "Exercise"}  # of these the script knows what to take from a page


def kind_of(tag: str, attributes: str, identity: str) -> str | None:
    """What an element is to a reader who is led to it, or None where no card shows it."""
    classes = (re.search(r'class="([^"]*)"', attributes) or ["", ""])[1].split()
    kinds = [
        ("Equation", tag == "div" and "math" in classes),
        ("Notation", tag == "tr" and identity.startswith("symbol-")),
        ("Reference", "citation" in classes),
        ("Glossary", tag == "dt" and identity.startswith("term-")),
        ("Figure", tag == "figure" and "vae-widget" not in classes),
        ("Exercise", "exercise" in classes),
    ]
    return next((kind for kind, is_one in kinds if is_one), None)


class Target:
    """A place on a page that a card can show: its kind, and the text of its element."""

    def __init__(self, page: str, identity: str):
        sign = re.escape(html.escape(identity))
        found = re.search(rf'<(\w+)\b([^>]*?)\sid="{sign}"([^>]*)>', page)
        self.kind = found and kind_of(found[1], found[2] + found[3], identity)
        self.page, self.start, self.tag = page, found and found.start(), found and found[1]

    def card(self) -> str:
        """What the card shows, without ids and without links within the book."""
        text = {"Notation": row, "Glossary": definition}.get(self.kind, element)(self)
        for what in (HEADLINK, BACKLINKS, APART):
            text = what.sub("", text)
        return INNER_LINK.sub(r"\1", text)


def element(target: Target) -> str:
    """The whole element."""
    return whole(target.page, target.start, target.tag)


def whole(page: str, start: int, tag: str) -> str:
    """An element of a page from where it starts to its own end."""
    depth = 0
    for found in re.compile(rf"<(/?){tag}\b[^>]*>").finditer(page, start):
        depth += -1 if found[1] else 1
        if depth == 0:
            return page[start : found.end()]
    raise ValueError(f"a <{tag}> has no end: {page[start : start + 80]}")


def row(target: Target) -> str:
    """A row of the notation: symbol and meaning, and below what else is known of it."""
    symbol, meaning, *others = map(bare, CELL.findall(element(target)))
    names = ("in code", "shape", "unit")
    known = [f"{name} {each}" for name, each in zip(names, others, strict=True) if each != "–"]
    rest = f'<p class="preview-row">{" · ".join(known)}</p>' if known else ""
    return f"<p>{symbol}: {meaning}</p>{rest}"


def bare(cell: str) -> str:
    """What stands in a cell, without its paragraph."""
    return cell.strip().removeprefix("<p>").removesuffix("</p>")


def definition(target: Target) -> str:
    """A term and what it means."""
    place = target.page.index("<dd", target.start)
    inner = re.sub(r"^<dd[^>]*>|</dd>$", "", whole(target.page, place, "dd"))
    term = re.sub(r"^<dt[^>]*>|</dt>$", "", element(target))
    return f'<p class="preview-term">{term}</p>{inner}'


class Pages:
    """The finished pages of a book, by their names in its folder of pages."""

    def __init__(self, folder: Path):
        self.texts = {
            path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))
        }
        self.targets: dict[tuple[str, str], Target] = {}
        self.wanted: dict[str, set[str]] = {}

    def target(self, name: str, identity: str) -> Target | None:
        """A place that has a card, or None."""
        if name not in self.texts:
            return None
        key = (name, identity)
        if key not in self.targets:
            self.targets[key] = Target(self.texts[name], html.unescape(identity))
        return self.targets[key] if self.targets[key].kind else None

    def marked(self, name: str) -> str:
        """A page whose links say which kind of card they have."""

        def replaced(match: re.Match) -> str:
            classes, page, identity = match.groups()
            target = self.target(page or name, identity)
            if not target or (page in ("", name) and target.kind not in HERE):
                return f'<a class="{classes}" href="{page}#{identity}"'
            if page not in ("", name):
                self.wanted.setdefault(page, set()).add(identity)
            return f'<a class="{classes}" data-preview="{target.kind}" href="{page}#{identity}"'

        return LINK.sub(replaced, self.texts[name])

    def script(self, name: str) -> str:
        """The script with the cards of a page, and with the glyphs of their formulas."""
        stem, text = PurePosixPath(name).stem, self.texts[name]
        cards = {each: self.targets[name, each].card() for each in sorted(self.wanted[name])}
        used = {number for card in cards.values() for number in USED.findall(card)}
        glyphs = "".join(
            f'<path id="preview-{stem}-{number}" d="{path}"></path>'
            for number, path in GLYPH.findall(text)
            if number in used
        )
        told = {
            "title": title_of(text),
            "glyphs": glyphs,
            "cards": {
                html.unescape(each): USED.sub(rf'href="#preview-{stem}-\1"', card)
                for each, card in cards.items()
            },
        }
        data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return f"vaelibPreviews({json.dumps(stem)}, {data});\n"


def title_of(page: str) -> str:
    """The heading of a chapter as text, with its number; of other pages their cards say enough."""
    found = TITLE.search(page)
    title = html.unescape(re.sub(r"<[^>]*>", "", found[1])).strip() if found else ""
    return title if title[:1].isdigit() else ""


def write_previews(app, error) -> None:
    """Mark the links that have a card, and write what the cards show."""
    if error or app.builder.format != "html":
        return
    folder, target = Path(app.outdir) / "book", Path(app.outdir) / "_static" / "previews"
    pages = Pages(folder)
    marked = {name: pages.marked(name) for name in pages.texts}
    scripts = {f"{Path(name).stem}.js": pages.script(name) for name in sorted(pages.wanted)}
    target.mkdir(exist_ok=True)
    for path in target.glob("*.js"):
        path.unlink()
    for name, text in scripts.items():
        (target / name).write_text(text, encoding="utf-8")
    version = hashlib.sha256("".join(scripts.values()).encode()).hexdigest()[:8]
    for name, text in marked.items():
        text = SCRIPT.sub(rf'<script defer data-version="{version}"\1', text)
        if text != pages.texts[name]:
            (folder / name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", write_previews, priority=950)  # when the pages are delivered
    return {"parallel_read_safe": True, "parallel_write_safe": True}
