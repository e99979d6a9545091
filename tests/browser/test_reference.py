"""The module's page: what belongs to which module, and what is code."""

import re

import pytest
from bs4 import BeautifulSoup

from tests.browser.conftest import HTML
from tests.pages import ROOT


@pytest.fixture(scope="module")
def article():
    page = (HTML / "book" / "api.html").read_text(encoding="utf-8")
    return BeautifulSoup(page, "html.parser").article


def test_each_module_has_its_name_above_what_it_says_of_itself(article):
    named = re.findall(r"automodule:: (\S+)", (ROOT / "book" / "api.md").read_text())
    headings = article.select("h3.module-name")
    assert [heading.text for heading in headings] == named
    assert len(named) > 50
    assert all(heading.find_next_sibling().name == "p" for heading in headings)


def test_what_stands_in_backticks_is_code(article):
    assert article.select("cite") == []
    assert "torchvision.datasets.MNIST" in [code.text for code in article.select("dd p code")]


def test_a_signature_can_be_written_as_it_stands(article):
    signatures = [each.get_text() for each in article.select("dt.sig")]
    assert [each for each in signatures if "<" in each] == []
    assert any("draw=reparameterize)" in each for each in signatures)
    of_widgets = [each for each in signatures if "vaelib.widgets." in each and "class" in each]
    assert len(of_widgets) > 9
    assert [each for each in of_widgets if "args" in each] == []
    assert any("GaussianKL(mu=1.5, sigma=0.5)" in each for each in of_widgets)
