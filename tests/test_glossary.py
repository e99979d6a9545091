"""The glossary and the index of concepts: what they lead to is there, and every term is used."""

import re
import sys
from collections import Counter

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document

from tests.pages import ROOT, markdown_of, notebooks

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import concepts
import glossary
import spelling

SOURCE = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
HTML = ROOT / "_build" / "html" / "book"


def entries_of(source: str) -> list[list[str]]:
    """The names of each entry of the glossary, as it is written."""
    body = source.partition("```{glossary}\n:sorted:\n\n")[2].partition("\n```")[0]
    return [re.findall(r"^(?! )(.+)$", entry, re.MULTILINE) for entry in body.split("\n\n")]


def prose_of(markdown: str) -> str:
    """Markdown without its code, and with the names of symbols in the place of formulas."""
    markdown = re.sub(r"```python.*?```", "", markdown, flags=re.DOTALL)
    math = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
    return math.sub(lambda match: spelling.symbols_of(match[1] or match[2]), markdown)


def unused(entries: list[list[str]]) -> list[str]:
    """The entries of which no chapter's Markdown has any name."""
    language = spelling.SearchField({})
    text = " ".join(
        f" {' '.join(language.stems(part))} "
        for page in notebooks()
        for part in prose_of(markdown_of(page)).split("\n\n")
    )
    known = [[" ".join(language.stems(name)) for name in names] for names in entries]
    return [
        names[0]
        for names, words in zip(entries, known, strict=True)
        if not any(f" {word} " in text for word in words)
    ]


def soup(name: str) -> BeautifulSoup:
    path = HTML / f"{name}.html"
    if not path.exists():
        pytest.skip("there is no built book")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_there_are_enough_terms_and_none_stands_twice():
    names = [name.lower() for entry in entries_of(SOURCE) for name in entry]
    assert len(entries_of(SOURCE)) >= 45
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_term_is_used_by_a_chapter():
    assert unused(entries_of(SOURCE)) == []
    assert unused([["ELBO"], ["frobnication", "no such name"]]) == ["frobnication"]


def test_every_entry_says_where_it_is_explained():
    bodies = re.split(r"\n\n(?=\S)", SOURCE.partition(":sorted:\n\n")[2])
    assert [body.split("\n")[0] for body in bodies if "{section}`" not in body] == []


def test_words_whose_places_are_all_named_are_terms():
    assert {entry[0] for entry in entries_of(SOURCE)} >= concepts.ONLY_NAMED


class Book:
    """Two pages as Sphinx has read them."""

    found_docs = ("book/kl", glossary.NOTATION)

    def __init__(self):
        page, notation = new_document("kl"), new_document("notation")
        section = nodes.section("", nodes.title("", "Jensen’s rule"), ids=["jensens-rule"])
        section += nodes.raw("", '<figure class="vae-widget" data-widget="GaussianKL">')
        page += section
        row = nodes.row("", nodes.entry("", nodes.math("", r"q(z | x)")), nodes.entry(""))
        notation += row
        self.trees = {"book/kl": page, glossary.NOTATION: notation}

    def get_doctree(self, name):
        return self.trees[name]


def test_a_place_is_found_by_its_name_and_another_is_not():
    book = Book()
    page, section = glossary.section_of(book, "kl: Jensen's rule")
    assert (page, section["ids"]) == ("book/kl", ["jensens-rule"])
    assert glossary.widget_of(book, "kl GaussianKL")[1] is section
    for lost in ("kl: Another", "elbo: Jensen's rule", "kl:"):
        assert glossary.section_of(book, lost) is None
    assert glossary.widget_of(book, "kl Playground") is None


def test_a_symbol_leads_to_its_row():
    book = Book()
    assert glossary.row_of(book, r"q(z\,|\,x)") is None
    assert glossary.row_of(book, r"q(z \| x)") == "symbol-q-z-x"


def test_the_longest_name_is_counted():
    entries = [
        glossary.Entry(["rate"], "", words=[("rate",)]),
        glossary.Entry(["learning rate"], "", words=[("learn", "rate")]),
    ]
    text = ["the", "learn", "rate", "and", "a", "rate", "of", "learn"]
    assert concepts.counted(text, concepts.phrases_of(entries)) == {0: 1, 1: 1}


def place(page, title, count, is_exercise=False):
    return concepts.Place(page, "x", title, is_exercise, Counter({0: count}))


def test_of_each_chapter_the_places_with_most_are_chosen():
    some = [place("a", "one", 40), place("a", "two", 3), place("a", "three", 1)]
    some += [place("a", "four", 9), place("a", "five", 7), place("b", "six", 2)]
    some += [place("b", "exercise", 2, True), place("c", "seven", 1)]
    found = concepts.chosen([(each, each.found[0]) for each in some], [some[0]])
    assert [each.title for each in found] == ["four", "five", "six", "exercise"]


def test_a_rare_term_counts_where_it_stands_once():
    some = [place("a", "one", 1), place("b", "two", 2)]
    assert concepts.chosen([(each, each.found[0]) for each in some], []) == some


def test_each_entry_of_the_page_has_ids_that_stay_and_leads_somewhere():
    page = soup("glossary")
    terms = page.select("dl.glossary > dt")
    assert len(terms) == sum(map(len, entries_of(SOURCE)))
    assert all(term["id"].startswith("term-") for term in terms)
    for wanted in ("term-posterior-collapse", "term-KL-divergence", "term-ELBO", "term-log_var"):
        assert page.find(id=wanted), wanted
    for body in page.select("dl.glossary > dd"):
        assert body.select("a.place[href*='.html#']"), body.text
    assert len(page.select("a[href*='notation.html#symbol-']")) > 30


def test_the_index_has_every_term_with_the_place_that_explains_it():
    index, page = soup("concepts"), soup("glossary")
    links = {link["href"].partition("#")[2] for link in index.select(".concepts dt > a[href]")}
    entries = [body.find_previous_siblings("dt") for body in page.select("dl.glossary > dd")]
    for terms in entries:
        assert links & {term["id"] for term in terms}
    for body in index.select(".concepts dd"):
        if body.select("ul"):
            assert body.select("strong a[href*='.html#']"), body.text


@pytest.mark.parametrize(
    ("term", "place"),
    [
        ("posterior collapse", "wrong.html#collapse-as-an-optimum"),
        ("Bernoulli likelihood", "wrong.html#museum-inverted"),
        ("KL divergence", "kl.html#the-closed-form-line-by-line"),
        ("responsibility", "exploring.html#how-much-room-does-an-image-take"),
    ],
)
def test_the_index_knows_where_a_term_stands(term, place):
    (found,) = [
        each for each in soup("concepts").select(".concepts dt") if each.text.strip("# ") == term
    ]
    assert found.find_next("dd").select(f"a[href='{place}']")


def test_every_page_leads_to_what_one_looks_things_up_in():
    for name in ("kl", "../genindex", "glossary"):
        links = {link["href"].split("/")[-1] for link in soup(name).select("nav.look-up a")}
        assert {"glossary.html", "concepts.html", "genindex.html"} <= links | {"#"} | {
            f"{name.split('/')[-1]}.html"
        }
