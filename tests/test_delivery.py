"""What the end of a build makes of a page: scripts, styles and pictures as its policy has them."""

import re
import sys
from pathlib import Path

import pydata_sphinx_theme
import pytest
import tinycss2
from fontTools.ttLib import TTFont
from PIL import Image
from sphinx.errors import ExtensionError

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import delivery
import stylesheets

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme"
VENDOR = THEME / "static" / "vendor"
MODE = "choose();"
HEAD = """<html data-content_root="../"><head>
<meta charset="utf-8" />
<script data-cfasync="false">
  document.documentElement.dataset.mode = localStorage.getItem("mode") || "auto";
</script>
<link rel="stylesheet" type="text/css" href="../_static/theme/one.css?v=1" />
<link rel="stylesheet" type="text/css" href="../_static/two.css" />
<link rel="stylesheet" type="text/css" href="../_static/book.css?v=2" />
<script src="../_static/options.js?v=3"></script>
<script>let toggleHintShow = 'Click to show';</script>
<script>var togglebuttonSelector = '.toggle';</script>
<script src="../_static/searchtools.js"></script>
<link rel="next" title="Next" href="next.html" />
<link rel="index" title="Index" href="../genindex.html" />
</head><body>
"""


def deliver(body: str, folder: Path, name: str = "page.html") -> str:
    path = folder / "book" / name
    path.parent.mkdir(exist_ok=True)
    sheets = delivery.sheets_of(HEAD)
    return delivery.finished(HEAD + body + "</body></html>", path, folder, MODE, sheets, "abc")


def test_scripts_wait_and_stand_in_files(tmp_path):
    page = deliver('<script type="application/json">{"a": 1}</script>', tmp_path)
    assert re.findall(r"<script[^>]*>", page) == [
        "<script>",
        '<script defer src="../_static/options.js?v=3">',
        '<script defer src="../_static/settings.js?v=abc">',
        '<script type="application/json">',
    ]
    assert f"<script>{MODE}</script>" in page
    settings = ["let toggleHintShow = 'Click to show';", "var togglebuttonSelector = '.toggle';"]
    assert delivery.settings_of(HEAD) == settings


def test_only_the_search_loads_what_searches(tmp_path):
    assert "searchtools" not in deliver("", tmp_path)
    assert "searchtools" in deliver("", tmp_path, "search.html")


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<script type="module">import "x";</script>',
        '<p onclick="alert(1)">x</p>',
        "<img src='x.png' onerror='alert(1)'>",
    ],
)
def test_a_script_that_is_not_known_fails_the_build(tmp_path, body):
    with pytest.raises(ExtensionError, match="script"):
        deliver(body, tmp_path)


def test_no_browser_loads_the_next_page_unasked(tmp_path):
    page = deliver("", tmp_path)
    assert re.findall(r'<link rel="(next|index)"', page) == ["index"]


def test_the_policy_comes_first_and_allows_what_stands_in_the_page(tmp_path):
    page = deliver("<p>x</p>", tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert page.index("Content-Security") < page.index("<script")
    assert "unsafe" not in policy[1].replace("'wasm-unsafe-eval'", "")
    assert delivery.digest(MODE) in policy[1]
    assert "<style" not in page


def test_a_digest_is_that_of_the_standard():
    """The example that the standard gives."""
    text = "alert('Hello, world.');"
    assert delivery.digest(text) == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_equal_styles_are_one_class():
    rules: dict[str, str] = {}
    page = '<p style="top: 1px">a</p><p class="b" style="top: 1px">c</p><i id="d" style="x:y">e</i>'
    found = delivery.with_classes(page, rules)
    one, two = rules
    assert found == f'<p class="{one}">a</p><p class="{one} b">c</p><i class="{two}" id="d">e</i>'
    assert list(rules.values()) == ["top: 1px", "x:y"]


@pytest.mark.parametrize(
    "page",
    [
        '<script type="application/json">"<p><b style=\\"top: 1px\\" style="a">"</script>',
        '<math displaystyle="true">',
    ],
)
def test_what_is_no_style_stays(page):
    rules: dict[str, str] = {}
    assert delivery.with_classes(page, rules) == page
    assert rules == {}


@pytest.fixture
def static(tmp_path):
    """A folder of stylesheets and the theme's font of icons."""
    (tmp_path / "one.css").write_text("p{top:0}")
    (tmp_path / "two.css").write_text("p{left:0}")
    fonts = tmp_path / "vendor" / "fontawesome" / "webfonts"
    fonts.mkdir(parents=True)
    (fonts / "fa-solid-900.ttf").write_bytes((VENDOR / stylesheets.FONT).read_bytes())
    return tmp_path


def test_a_stylesheet_of_a_page_outlives_a_build_that_does_not_write_the_page(static):
    for names in (["one.css", "two.css"], ["two.css"], []):
        stylesheets.join(static, names, set(), {})
        css = (static / stylesheets.JOINED).read_text()
        assert css.endswith("p{top:0}\np{left:0}\n")


def test_a_class_for_a_style_outlives_the_next_build(static):
    for styles in ({"s000001": "top: 1px"}, {"s000002": "left: 0"}):
        stylesheets.join(static, ["one.css"], set(), styles)
    css = (static / stylesheets.JOINED).read_text()
    assert css.endswith("p{top:0}\n.s000001{top: 1px}\n.s000002{left: 0}\n")


def test_buttons_say_what_they_are_for(tmp_path):
    page = deliver('<button onclick="window.print()">a</button>', tmp_path)
    assert '<button data-press="print">' in page


def test_pictures_know_their_sizes_and_wait(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    page = deliver('<img alt="a" src="../a.png" /><img alt="b" src="../a.png">', tmp_path)
    first, second = re.findall("<img[^>]*>", page)
    size = 'decoding="async" width="30" height="20" />'
    assert first == f'<img alt="a" src="../a.png" {size}'
    assert second == f'<img alt="b" src="../a.png" loading="lazy" {size}'


def test_a_picture_in_the_page_becomes_a_file(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    data = delivery.base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    page = deliver(f'<img src="data:image/png;base64,{data}" />', tmp_path)
    source = re.search('src="([^"]+)" decoding="async" width="3" height="2"', page)[1]
    assert (tmp_path / "book" / source).read_bytes() == (tmp_path / "a.png").read_bytes()


def test_stylesheets_of_the_theme_become_one(tmp_path):
    page = deliver("", tmp_path)
    sheets = re.findall(r'<link rel="stylesheet"[^>]*href="([^"]*)"', page)
    assert sheets == ["../_static/theme.css?v=abc", "../_static/book.css?v=2"]


def pruned(css: str, *words: str) -> str:
    rules = tinycss2.parse_stylesheet(css, True, True)
    return stylesheets.pruned(rules, set(words)).replace("\n", "")


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".a{top:0}.b{top:1px}", ".a{top:0}"),
        (".a,.b,p{top:0}", ".a,p{top:0}"),
        (".a .b{top:0}", ""),
        ("#i.a{top:0}", ""),
        ("#a>.a{top:0}", "#a>.a{top:0}"),
        (".a:not(.b){top:0}", ".a:not(.b){top:0}"),
        ("p:is(.b,.a){top:0}", "p:is(.b,.a){top:0}"),
        ("[class*=b]{top:0}", "[class*=b]{top:0}"),
        ("@media print{.a{top:0}.b{top:0}}", "@media print{.a{top:0}}"),
        ("@media print{.b{top:0}}", ""),
        ("@supports (top:0){.b{top:0}}", ""),
        ("@keyframes b{to{top:0}}", "@keyframes b{to{top:0}}"),
        (':root{--b:"x"}', ':root{--b:"x"}'),
    ],
)
def test_what_no_page_can_use_goes(css, left):
    assert pruned(css, "a") == left


def test_words_are_those_of_classes_and_ids_and_of_scripts():
    page = '<p class="a b-c" id="d" data-e="f">g</p>'
    assert stylesheets.words_of([page], ['add("h i")']) == {"a", "b-c", "d", "add", "h", "i"}


def test_imports_and_addresses_are_those_of_the_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "basic.css").write_text("p{background:url(x.png)}")
    (tmp_path / "in" / "theme.css").write_text('@import "../basic.css";\ni{a:url("../y.png")}')
    text = stylesheets.text_of(tmp_path, "in/theme.css")
    assert text == 'p{background:url("x.png")}\ni{a:url("y.png")}'


def test_the_font_of_icons_has_those_that_are_named(tmp_path):
    css = '@font-face{src:url("vendor/fontawesome/x.woff2")}.a:after{content:"\\f0eb"}'
    found = stylesheets.with_own_icons(css, VENDOR, tmp_path)
    assert found.count("@font-face") == 1
    font = TTFont(tmp_path / "icons.woff")
    assert set(font.getBestCmap()) == {0xF0EB}
    assert (tmp_path / "icons.woff").stat().st_size < 5000
