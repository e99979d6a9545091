"""A number that code has put into a text has a minus, and no other hyphen is touched."""

import sys

import pytest
from docutils import nodes
from docutils.utils import new_document

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import minus


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("-6.3868", "−6.3868"),
        ("-84 nats", "−84 nats"),
        ("(-1, 1)", "(−1, 1)"),
        ("-1 to -0.5", "−1 to −0.5"),
        ("2026-11-22", "2026-11-22"),
        ("784-256-2", "784-256-2"),
        ("vae-2d", "vae-2d"),
        ("1e-5", "1e-5"),
    ],
)
def test_a_hyphen_before_a_number_alone_becomes_a_minus(written, wanted):
    assert minus.signed(written) == wanted


def test_what_is_pasted_alone_is_mended():
    document = new_document("page")
    document += nodes.paragraph("", "", nodes.inline("", "-1", classes=["pasted-text"]))
    document += nodes.paragraph("", "", nodes.literal("", "-1"))
    minus.sign(None, document)
    assert [each.astext() for each in document] == ["−1", "-1"]
