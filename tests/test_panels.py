"""Panels of a figure stand below each other on a phone: none is the left or the right one."""

import re

import pytest

from tests.pages import markdown_of, notebooks

SIDED = re.compile(
    r"\b(?:left|right)(?:most)? (?:panel|graph|picture)\b|\b[Oo]n the (?:left|right)\b|"
    r"\b[Ll]ook (?:left|right)\b"
)
# Within one panel, in an equation or on a curve.
ELSEWHERE = {
    "kl": ("large on the left. The minimum",),
    "elbo": ("before the KL on the left:",),
    "evaluating": ("on the right shoulder",),
    "wrong": ("dashed line: on the left, where",),
}


def sides(text: str, known: tuple[str, ...] = ()) -> list[str]:
    """What a text says of the left and the right of a figure."""
    text = " ".join(text.split())
    for each in known:
        assert each in text, f"no longer said: {each}"
        text = text.replace(each, "")
    return [text[max(0, m.start() - 40) : m.end() + 20] for m in SIDED.finditer(text)]


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_no_panel_is_named_by_its_side(page):
    assert sides(markdown_of(page), ELSEWHERE.get(page.stem, ())) == []


@pytest.mark.parametrize(
    "text", ["Look left for $p$.", "in the left\npanel", "On the right is", "the rightmost panel"]
)
def test_a_side_is_noticed(text):
    assert len(sides(text)) == 1
