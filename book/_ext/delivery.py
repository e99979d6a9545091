"""Deliver pages that load little and obey a strict policy: the last step of a build.

The theme writes its pages for any host and any extension. Here each gets a Content-Security-Policy
and what keeps it:

- Scripts are files of the book and wait until the page is read. What stood in the page becomes
  `settings.js`; only the choice between light and dark (`mode.js`) stays in the page, by its
  digest, for it must be made before anything is painted.
- The theme's stylesheets become one (`stylesheets.py`), with a class for each style that stood in
  an attribute, and what only other books need is gone.
- Pictures are files of which the width and the height are known, and all but the first wait until
  the reader comes near.
"""

import base64
import hashlib
import html
import os
import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from sphinx.errors import ExtensionError

import stylesheets

OWN = Path(__file__).parents[1] / "_static"
# Which address a page that is opened as a file has by 'self' is left to browsers: `file:` says it.
HERE = "'self' file:"
WASM = "'wasm-unsafe-eval'"  # compiles WebAssembly, for the playground's loops, and no script
POLICY = (
    f"default-src 'none'; script-src {HERE} blob: {WASM} {{scripts}}; style-src {HERE}{{styles}}; "
    f"img-src {HERE} data: blob:; font-src {HERE}; connect-src {HERE}; worker-src blob:; "
    f"base-uri {{base}}; form-action {HERE}"
)
DELIVERED = '<meta http-equiv="Content-Security-Policy"'
NOT_NEEDED = re.compile(
    r'<script(?: type="text/x-thebe-config")?>\s*(?:\{|kernelName = ).*?</script>\s*'
    r'|<link rel="preload" as="script"[^>]*>\s*'
    r"|<!-- Pre-loaded scripts[^>]*-->\s*"
    r"|<noscript>\s*<style>.*?</style>\s*</noscript>\s*"  # in `book.css`
    r'|<link rel="stylesheet"[^>]*/sphinx-thebe\.css[^>]*>\s*'
    r'|<link rel="(?:next|prev)"[^>]*>\s*'  # Firefox would load the next page unasked
    r'|<div id="ethical-ad-placement".*?</div>',
    re.DOTALL,
)
# Only the page of the search searches; the theme would let all pages do so while one types.
SEARCH = re.compile(
    r'<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*'
)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
DATA = re.compile(r'type="(?:application/(?:ld\+)?json)"')
SETTING = re.compile(
    r"(?:let|var) toggle\w+ = '[^']*';|DOCUMENTATION_OPTIONS\.search_as_you_type = \w+;"
)
DONE_ELSEWHERE = re.compile(r"DOCUMENTATION_OPTIONS\.pagename = |// Activate the search field")
PRESSED = re.compile(r'\sonclick="(window\.print|toggleFullScreen)\(\)"')
HANDLER = re.compile(r"<[^>]*\son[a-z]+=[\"']")
SHEET = re.compile(r'[ \t]*<link [^>]*?href="([^"?]*_static/)([^"?]+)[^"]*"[^>]*>\n?')
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
STYLED = re.compile(r'<([a-z][\w-]*)(\s[^<>]*?)?\sstyle="([^"]*)"([^<>]*)>')
SHARED = re.compile(r'(/(?:theme\.css|settings\.js)\?v=)\w+(?=")')
# The theme measures all code and tables when a page has loaded, which lays out what is far away;
# `accessible.js` does so when they are shown.
MEASURES = ',"complete"===document.readyState?I():window.addEventListener("load",I)'
PICTURE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'src="(?!\w+://)([^"]+)"')


def digest(text: str) -> str:
    """What a policy allows a text in a page by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def deferred(page: str, mode: str, settings: str) -> str:
    """A page whose scripts are files and wait, but for the one that chooses light or dark.

    Raises:
        ExtensionError: if another script stands in the page.
    """
    first = True

    def replaced(match: re.Match) -> str:
        nonlocal first
        attributes, text = match[1], match[2].strip()
        if DATA.search(attributes):
            return match[0]
        if "src=" in attributes:
            return match[0] if " defer" in attributes else f"<script defer{attributes}></script>"
        if 'localStorage.getItem("mode")' in text:
            return f"<script>{mode}</script>"
        if SETTING.fullmatch(text):
            link, first = (f'<script defer src="{settings}"></script>' if first else ""), False
            return link
        if DONE_ELSEWHERE.match(text):
            return ""
        raise ExtensionError(f"a script stands in a page: make it a file of the book: {text[:100]}")

    return SCRIPT.sub(replaced, page)


def settings_of(page: str) -> list[str]:
    """What a page's own scripts say to those in files."""
    return [text.strip() for _, text in SCRIPT.findall(page) if SETTING.fullmatch(text.strip())]


def without_handlers(page: str) -> str:
    """A page whose buttons say what they are for; `buttons.js` does it."""
    page = PRESSED.sub(lambda match: f' data-press="{match[1].removeprefix("window.")}"', page)
    outside = "".join(SCRIPT.split(page)[::3])
    if handler := HANDLER.search(outside):
        raise ExtensionError(f"a page has a script in an attribute: {handler[0][:200]}")
    return page


def with_classes(page: str, rules: dict[str, str]) -> str:
    """A page whose style attributes are classes; the styles of these are noted."""

    def replaced(match: re.Match) -> str:
        tag, before, style, after = match[1], match[2] or "", html.unescape(match[3]), match[4]
        name = f"s{hashlib.sha256(style.encode()).hexdigest()[:6]}"
        rules[name] = style
        rest = before + after
        if re.search(r'\sclass="', rest):
            return f"<{tag}" + re.sub(r'(?<=\sclass=")', f"{name} ", rest, count=1) + ">"
        return f'<{tag} class="{name}"{rest}>'

    parts = re.split(r"(<script\b.*?</script>)", page, flags=re.DOTALL)
    parts[::2] = [STYLED.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def with_sizes(page: str, home: Path, images: Path) -> str:
    """A page whose pictures are files and say how large they are; the first is loaded at once."""
    count = 0

    def replaced(match: re.Match) -> str:
        nonlocal count
        tag, source = match[0], SOURCE.search(match[0])
        if not source or 'class="toggler"' in tag:
            return tag
        address = html.unescape(source[1])
        if address.startswith("data:image/png;base64,"):
            address = as_file(address, home, images)
            tag = tag.replace(source[1], address)
        added = ' decoding="async"'
        if count and " loading=" not in tag:
            added = f' loading="lazy"{added}'
        count += 1
        if not re.search(r"\s(?:width|height)=", tag) and not address.endswith(".svg"):
            with Image.open(home / address.partition("?")[0]) as image:
                added += f' width="{image.width}" height="{image.height}"'
        return re.sub(r"\s*/?>$", f"{added} />", tag)

    return PICTURE.sub(replaced, page)


def as_file(address: str, home: Path, images: Path) -> str:
    """Write a picture that stands in a page into a file of its own; its address from there."""
    data = base64.b64decode(address.partition(",")[2])
    path = images / f"{hashlib.sha256(data).hexdigest()}.png"
    images.mkdir(exist_ok=True)
    path.write_bytes(data)
    return Path(os.path.relpath(path, home)).as_posix()


def sheets_of(page: str) -> list[str]:
    """The theme's stylesheets that a page asks for, by their names in the static folder."""
    found = [name for _, name in SHEET.findall(page) if name.endswith(".css")]
    return [name for name in found if not (OWN / name).exists() and not name.startswith("widgets/")]


def with_one_sheet(page: str, names: list[str], version: str) -> str:
    """A page that asks for the joined stylesheet where it asked for the theme's first one."""
    first = True

    def replaced(match: re.Match) -> str:
        nonlocal first
        if match[2] not in names:
            return match[0]
        link = f'    <link rel="stylesheet" href="{match[1]}{stylesheets.JOINED}?v={version}" />\n'
        link, first = (link if first else ""), False
        return link

    return SHEET.sub(replaced, page)


def with_policy(page: str, mode: str) -> str:
    """A page with its policy, before anything that the policy is for."""
    scripts = digest(mode) if f"<script>{mode}</script>" in page else ""
    # The page for those who are lost, which may have any address, has its base and style in it.
    base = "'self'" if "<base " in page else "'none'"
    styles = "".join(f" {digest(style)}" for style in STYLE.findall(page))
    told = POLICY.format(scripts=scripts, styles=styles, base=base)
    policy = f'{DELIVERED} content="{told}" />\n'
    charset = re.search(r'<meta charset="utf-8" />\n?', page)
    return page[: charset.end()] + policy + page[charset.end() :] if charset else policy + page


def without_measuring(script: Path) -> None:
    """Let the theme's script leave alone what is not shown yet."""
    text = script.read_text(encoding="utf-8")
    if MEASURES not in text and '"load",I' in text:
        raise ExtensionError(f"{script.name} is another one: see what it measures")
    script.write_text(text.replace(MEASURES, ""), encoding="utf-8")


def scripts_of(static: Path) -> list[str]:
    """The scripts of a book, which may set classes; those of networks are data."""
    files = [
        *static.glob("*.js"),
        *static.glob("scripts/*.js"),
        *static.glob("widgets/[A-Za-z_]*.js"),
    ]
    return [file.read_text(encoding="utf-8") for file in files if file.stat().st_size < 200_000]


def finished(page: str, path: Path, out: Path, mode: str, sheets: list[str], version: str) -> str:
    """A page as it is delivered."""
    page = NOT_NEEDED.sub("", page if path.name == "search.html" else SEARCH.sub("", page))
    root = re.search(r'data-content_root="([^"]*)"', page)
    page = deferred(page, mode, f"{root[1] if root else ''}_static/settings.js?v={version}")
    page = without_handlers(page)
    page = with_sizes(page, path.parent, out / "_images")
    return with_policy(with_one_sheet(page, sheets, version), mode)


def share(static: Path, pages: dict[Path, str], others: Iterable[str], styles: dict) -> list[str]:
    """Write what all pages share; the theme's stylesheets that are now one."""
    sheets = list(dict.fromkeys(name for page in pages.values() for name in sheets_of(page)))
    words = stylesheets.words_of([*pages.values(), *others], scripts_of(static))
    stylesheets.join(static, sheets, words, styles)
    settings = dict.fromkeys(text for page in pages.values() for text in settings_of(page))
    (static / "settings.js").write_text("\n".join(settings) + "\n", encoding="utf-8")
    without_measuring(static / "scripts" / "pydata-sphinx-theme.js")
    return sheets


def deliver(app, error) -> None:
    """Finish the pages that this build wrote, and what all pages share."""
    if error or app.builder.format != "html":
        return
    out, static = Path(app.outdir), Path(app.outdir) / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    pages = {path: page for path, page in pages.items() if path.parent != static}
    done = {path: page for path, page in pages.items() if DELIVERED in page}
    styles: dict[str, str] = {}
    new = {path: with_classes(pages[path], styles) for path in pages.keys() - done.keys()}
    if not new:
        return
    sheets = share(static, new, done.values(), styles)
    mode = (OWN / "mode.js").read_text(encoding="utf-8")
    shared = [static / name for name in (stylesheets.JOINED, "settings.js")]
    version = hashlib.sha256(b"".join(map(Path.read_bytes, shared))).hexdigest()[:8]
    new = {path: finished(page, path, out, mode, sheets, version) for path, page in new.items()}
    done = {path: SHARED.sub(rf"\g<1>{version}", page) for path, page in done.items()}
    for path, page in (new | done).items():
        path.write_text(page, encoding="utf-8")


def setup(app):
    app.connect("build-finished", deliver, priority=900)  # after formulas and icons are drawn
    return {"parallel_read_safe": True, "parallel_write_safe": True}
