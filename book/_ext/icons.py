"""Draw the theme's icons while the book is built.

The theme names its icons by classes and leaves it to a script of one and a half megabytes, with all
icons of Font Awesome, to draw the dozen that a page shows. Here the build draws them, from the same
script, and takes it off the page.
"""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

SCRIPT = "_static/scripts/fontawesome.js"
ICON = re.compile(r'<(i|span) class="((?:[^"]*\s)?fa[\w-]*\s[^"]*)"([^>]*)></\1>')
NO_ATTRIBUTE = re.compile(r'\s+title="[^"]*"')  # a drawing has none: its button has
NO_NAMES = {"fa-solid", "fa-lg"}
ASKED_FOR = re.compile(
    r"[ \t]*<(?:script|link)[^>]*/scripts/fontawesome\.js[^>]*>(?:</script>)?\n?"
)


def shapes(script: str, names: set[str]) -> dict[str, tuple[str, str, str]]:
    """Width, height and path of solid icons, by their names.

    Raises:
        ExtensionError: if the script has no icon of a name.
    """
    found = {}
    for name in sorted(names):
        entry = rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]*)"\]'
        entries = re.findall(entry, script)
        if not entries:
            raise ExtensionError(f"Font Awesome has no icon {name!r}")
        found[name] = entries[-1]  # the solid ones come last
    return found


def name_of(classes: str) -> str:
    """The name of an icon, from its classes."""
    return next(c[3:] for c in classes.split() if c.startswith("fa-") and c not in NO_NAMES)


def drawn(page: str, known: dict[str, tuple[str, str, str]]) -> str:
    """A page with its icons drawn and without the script that would do it."""

    def draw(match: re.Match) -> str:
        width, height, path = known[name_of(match[2])]
        classes = " ".join(["icon", *match[2].split()])
        return (
            f'<svg class="{classes}" viewBox="0 0 {width} {height}" aria-hidden="true"'
            f"{NO_ATTRIBUTE.sub('', match[3])}>"
            f'<path fill="currentColor" d="{path}"></path></svg>'
        )

    return ICON.sub(draw, ASKED_FOR.sub("", page))


def draw_icons(app, error) -> None:
    """Draw the icons of all pages that have some left, and leave the script out."""
    if error or app.builder.format != "html":
        return
    scripts = [Path(app.outdir) / SCRIPT, *Path(app.outdir).glob(f"{SCRIPT}?*")]
    pages = {path: path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")}
    pages = {path: page for path, page in pages.items() if ASKED_FOR.search(page)}
    names = {name_of(match[2]) for page in pages.values() for match in ICON.finditer(page)}
    known = shapes(scripts[0].read_text(encoding="utf-8"), names) if names else {}
    for path, page in pages.items():
        path.write_text(drawn(page, known), encoding="utf-8")
    for script in scripts:
        script.unlink(missing_ok=True)


def setup(app):
    app.connect("build-finished", draw_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
