"""Join the theme's stylesheets into one, without the rules that no page can use.

The theme and its extensions ask for eleven stylesheets, 570 kB, before a page is shown: most of it
styles icons, tabs, cards and menus that this book does without. What is left here are the rules
whose classes and ids stand on some page or in some script. Icons that stylesheets draw come from a
font of Font Awesome, of which the few glyphs that are left go into a file of their own.
"""

import io
import itertools
import logging
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import tinycss2
from fontTools import subset, ttLib

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of each glyph

JOINED, ICONS = "theme.css", "icons.woff"
IMPORT = re.compile(r"""@import (?:url\()?["']([^"']+)["']\)?;""")
ADDRESS = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')]+)["']?\s*\)""")
ATTRIBUTE = re.compile(r'\s(?:class|id)="([^"]*)"')
WORD = re.compile(r"[\w-]+")
ICON = re.compile(r"\\(f[0-9a-f]{3})\b|([\uf000-\uf8ff])")
OWN_CLASS = re.compile(r"^\.(s[0-9a-f]{6})\{(.*)\}$", re.MULTILINE)
SHEETS = re.compile(r"^/\* of (.*) \*/$", re.MULTILINE)
FONT = "fontawesome/webfonts/fa-solid-900.ttf"


def text_of(folder: Path, name: str) -> str:
    """A stylesheet with what it imports, and with addresses as the folder's own files have them."""
    home = posixpath.dirname(name)

    def moved(match: re.Match) -> str:
        return f'url("{posixpath.normpath(posixpath.join(home, match[1]))}")'

    def imported(match: re.Match) -> str:
        return text_of(folder, posixpath.normpath(posixpath.join(home, match[1])))

    text = (folder / name).read_text(encoding="utf-8").removeprefix('@charset "UTF-8";')
    return IMPORT.sub(imported, ADDRESS.sub(moved, text))


def words_of(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """All classes and ids that stand on a page, and all words of scripts, which may set them."""
    attributes = (attribute for page in pages for attribute in ATTRIBUTE.findall(page))
    return {word for text in (*attributes, *scripts) for word in WORD.findall(text)}


def pruned(rules: list, words: set[str]) -> str:
    """Those of a list of rules that can apply where only these classes and ids are."""
    return "".join(kept(rule, words) for rule in rules)


def kept(rule, words: set[str]) -> str:
    """A rule with those of its selectors that can apply, or nothing."""
    if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
        inner = pruned(tinycss2.parse_rule_list(rule.content, True, True), words)
        start = f"@{rule.lower_at_keyword}{tinycss2.serialize(rule.prelude)}"
        return f"{start}{{{inner}}}\n" if inner else ""
    if rule.type != "qualified-rule":
        return "" if rule.type == "error" else tinycss2.serialize([rule]) + "\n"
    selectors = [each for each in split(rule.prelude) if names_of(each) <= words]
    chosen = ",".join(tinycss2.serialize(each).strip() for each in selectors)
    return f"{chosen}{{{tinycss2.serialize(rule.content).strip()}}}\n" if chosen else ""


def split(prelude: list) -> Iterator[list]:
    """The selectors of a list that is separated by commas."""
    selector: list = []
    for token in prelude:
        if token == ",":
            yield selector
            selector = []
        else:
            selector.append(token)
    yield selector


def names_of(selector: list) -> set[str]:
    """The classes and ids that a selector asks for; what stands in :not() or :is() it may lack."""
    classes = {
        token.value
        for dot, token in itertools.pairwise(selector)
        if dot == "." and token.type == "ident"
    }
    return classes | {token.value for token in selector if token.type == "hash"}


def with_own_icons(css: str, fonts: Path, target: Path) -> str:
    """A stylesheet whose font of icons is a new file, with the glyphs that it names."""
    rules = tinycss2.parse_stylesheet(css, True, True)
    icons = {int(code, 16) if code else ord(sign) for code, sign in ICON.findall(css)}
    others = [rule for rule in rules if not is_font_of_icons(rule)]
    write_font(fonts / FONT, icons, target / ICONS)
    face = (
        '@font-face{font-family:"Font Awesome 6 Free";font-weight:900;font-display:block;'
        f'src:url("{ICONS}") format("woff")}}\n'
    )
    return face + "".join(tinycss2.serialize([rule]) + "\n" for rule in others)


def is_font_of_icons(rule) -> bool:
    """Whether a rule says where one of Font Awesome's fonts is."""
    is_face = rule.type == "at-rule" and rule.lower_at_keyword == "font-face"
    return is_face and "fontawesome" in tinycss2.serialize(rule.content)


def write_font(source: Path, characters: set[int], target: Path) -> None:
    """Write a font of nothing but these characters."""
    font = ttLib.TTFont(io.BytesIO(source.read_bytes()), recalcTimestamp=False)
    subsetter = subset.Subsetter(subset.Options(layout_features=[], hinting=False))
    subsetter.populate(unicodes=sorted(characters))
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(target)


def join(folder: Path, names: list[str], words: set[str], styles: dict[str, str]) -> None:
    """Write the joined stylesheet of a folder's stylesheets, and its font, into the folder.

    Pages of earlier builds keep what they have: their stylesheets come first, and their classes for
    styles stay.
    """
    target = folder / JOINED
    earlier = target.read_text(encoding="utf-8") if target.exists() else ""
    before = [name for line in SHEETS.findall(earlier) for name in line.split()]
    names = list(dict.fromkeys([*before, *names]))
    css = "".join(text_of(folder, name) for name in names)
    rules = tinycss2.parse_stylesheet(css, True, True)
    css = with_own_icons(pruned(rules, words), folder / "vendor", folder)
    own = sorted((dict(OWN_CLASS.findall(earlier)) | styles).items())
    css += "".join(f".{name}{{{style}}}\n" for name, style in own)
    target.write_text(f"/* of {' '.join(names)} */\n{css}", encoding="utf-8")
