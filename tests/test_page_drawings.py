"""What the build draws on a page, so that no script has to: formulas and icons."""

import math
import re
import sys

import pytest
from sphinx.errors import ExtensionError

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import icons
import mathematics

INLINE = r'<span class="math notranslate nohighlight">\({}\)</span>'
DISPLAYED = (
    '<div class="math notranslate nohighlight" id="equation-a">\n'
    r'<span class="eqno">(1)<a class="headerlink" href="#equation-a">#</a></span>\[{}\]</div>'
)


def set_page(*formulas: str) -> str:
    page = f"<html><body class='wide'>{' and '.join(formulas)}</body></html>"
    asked = sorted(mathematics.formulas_of(page))
    return mathematics.finished(page, dict(zip(asked, mathematics.drawings(asked), strict=True)))


@pytest.fixture(scope="module")
def page():
    return set_page(INLINE.format("x &lt; 1"), DISPLAYED.format(r"\frac{x}{2}"), INLINE.format("x"))


def test_a_formula_is_a_drawing_and_mathml(page):
    assert page.count("<svg") == 3 + 1  # and the glyphs
    assert page.count("<math") == 3
    assert "<mi>x</mi><mo>&lt;</mo><mn>1</mn>" in page
    assert r"\(" not in page
    assert r"\[" not in page


def test_a_displayed_formula_keeps_its_number_and_its_anchor(page):
    start = '<div class="math notranslate nohighlight" id="equation-a">\n<span class="eqno">(1)<a '
    assert start in page
    assert '</a></span><mjx-container class="MathJax" jax="SVG" display="true"' in page


def test_a_mark_after_a_formula_does_not_begin_a_line():
    page = set_page(INLINE.format("x") + "), y", INLINE.format("x") + " z")
    start = '<span class="with-mark"><span class="math notranslate nohighlight"><mjx-container'
    assert page.count(start) == page.count("</mjx-container></span>),</span> y") == 1
    assert "</mjx-container></span> z" in page


def test_a_parenthesis_before_a_formula_does_not_end_a_line():
    plain, linked = INLINE.format("x"), '<a href="y">' + INLINE.format("x") + "</a>"
    page = set_page(f"({plain}) y", f"({plain} is", f"({linked})", f"({linked} is")
    assert page.count('<span class="with-mark">(<span class="math') == 2
    assert page.count('<span class="with-mark">(<a href="y">') == 2
    assert page.count("</mjx-container></span></span> is") == 1


@pytest.mark.parametrize("rest", ["-th column", "’s column", "."])
def test_the_rest_of_a_word_does_not_begin_a_line(rest):
    word = rest.split()[0]
    plain = set_page(INLINE.format("x") + rest)
    assert f"</mjx-container></span>{word}</span>" in plain
    linked = set_page('<a href="y">' + INLINE.format("x") + "</a>" + rest)
    assert f"</mjx-container></span></a>{word}</span>" in linked
    assert '<span class="with-mark"><a href="y">' in linked


def test_a_drawing_is_measured_in_sizes_of_the_font():
    """A small x, 442 of 1,000 high where MathJax draws it, is as high as one of Literata."""
    page = set_page(INLINE.format("x"))
    assert not re.search(r"\dex\b", page)
    height, top, drawn = re.search(r'height="(.*)em" viewBox="0 -(\d+) \d+ (\d+)"', page).groups()
    assert float(height) * int(top) / int(drawn) == pytest.approx(mathematics.X_HEIGHT, abs=0.005)


def test_a_displayed_formula_says_how_wide_it_is():
    """Then a phone can set it smaller by what is too much; what fits anywhere needs nothing."""
    wide, narrow = "a + b + c + d + e + f + g + h", "a"
    page = set_page(DISPLAYED.format(wide), DISPLAYED.format(narrow), INLINE.format(wide))
    starts = re.findall(r'<mjx-container ([^>]*)><svg [^>]*width="([\d.]+)em"', page)
    assert len(starts) == 3
    said = [re.search('style="--wide: (.*)"', start) for start, _ in starts]
    assert [one and int(one[1]) for one in said] == [math.ceil(float(starts[0][1])), None, None]


def test_a_glyph_stands_once_on_a_page(page):
    glyphs = re.findall(r'<path id="(glyph-\d+)" d="([^"]+)">', page)
    assert len(set(glyphs)) == len(glyphs) == 4  # x, <, 1 and 2
    used = re.findall(r'<use href="#(glyph-\d+)"', page)
    assert set(used) == {name for name, _ in glyphs}
    assert len(used) == 3 + 2 + 1
    assert page.index("<defs>") > page.index("<body class='wide'>")


def test_a_page_that_is_done_is_left_alone(page):
    assert not mathematics.formulas_of(page)


@pytest.mark.parametrize("tex", [r"\unknown{x}", "{x", r"\begin{aligned} x"])
def test_tex_that_mathjax_does_not_know_fails_the_build(tex):
    with pytest.raises(ExtensionError, match=re.escape(f"MathJax does not know {tex}: ")):
        mathematics.drawings([("x", False), (tex, True)])


def test_icons_are_drawn_in_their_places():
    regular, solid = 'sun:[8,9,[1],"f1","M3"]', 'sun:[512,256,[1,"x"],"f1","M1 2"]'
    script = f'a={{{regular}}};b={{{solid},"no-sun":[1,1,[],"f2","M"]}}'
    page = (
        '<head>\n  <script defer src="_static/scripts/fontawesome.js?x=1"></script>\n</head>'
        '<i class="theme-switch fa-solid fa-sun  fa-lg" data-mode="light" title="Light"></i>'
        '<i class="other"></i>'
    )
    shapes = icons.shapes(script, {"sun"})
    assert shapes == {"sun": ("512", "256", "M1 2")}
    assert icons.drawn(page, shapes) == (
        '<head>\n</head><svg class="icon theme-switch fa-solid fa-sun fa-lg" viewBox="0 0 512 256"'
        ' aria-hidden="true" data-mode="light"><path fill="currentColor" d="M1 2"></path></svg>'
        '<i class="other"></i>'
    )


def test_an_icon_that_there_is_not_is_named():
    with pytest.raises(ExtensionError, match="has no icon 'moon'"):
        icons.shapes("{}", {"moon"})
