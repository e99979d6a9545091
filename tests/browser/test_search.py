"""Search on the built pages: each spelling finds the term, and first the page that is about it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, read_results

FIRST = {
    "log_var": "Building the VAE",
    "logvar": "Building the VAE",
    "log-variance": "Building the VAE",
    "log σ²": "Building the VAE",
    "sigma": "Notation",
    "σ": "Notation",
    "reparameterisation": "Reparameterization",
    "reparametrisation trick": "Reparameterization",
    "reparam": "Reparameterization",
    "KL": "The KL divergence",
    "KLD": "The KL divergence",
    "Kullback-Leibler": "The KL divergence",
    "Kullback Leibler divergence": "The KL divergence",
    "evidence lower bound": "The ELBO",
    "ELBO": "The ELBO",
    "posterior collapse": "When training goes wrong",
    "KL vanishing": "When training goes wrong",
    "free bits": "When training goes wrong",
    "KL annealing": "When training goes wrong",
    "warm-up": "When training goes wrong",
    "beta-VAE": "When training goes wrong",
    "β-VAE": "When training goes wrong",
    "importance sampling": "Evaluating",
    "importance": "Evaluating",
    "IWAE": "The ELBO",
    "NLL": "Evaluating",
    "rate distortion": "Evaluating",
    "colour images": "Your own images",
    "bits per dim": "Your own images",
    "bpd": "Your own images",
    "FLOPs": "Looking inside the model",
    "ONNX": "Looking inside the model",
    "learning rate": "Training in seconds",
    "bfloat16": "Training in seconds",
    "active units": "Evaluating",
    "auto-encoder": "The autoencoder",
    "variational autoencoder": "Building the VAE",
    "VAE": "Building the VAE",
    "latent space": "Exploring the latent space",
    "slerp": "Exploring the latent space",
    "interpolation": "Exploring the latent space",
    "MSE": "The ELBO",
    "BCE": "The autoencoder",
    "encoder": "Building the VAE",
    "decoder": "Building the VAE",
    "sampling": "Building the VAE",
    "aggregate posterior": "Latent distributions",
    "moons": "Latent distributions",
    "VQ-VAE": "Going further",
    "vector quantisation": "Going further",
    "CVAE": "Going further",
    "VampPrior": "Going further",
    "convolutional": "Going further",
    "REINFORCE": "Reparameterization",
    "holes": "The autoencoder",
    "museum": "When training goes wrong",
    "good loss": "My loss is 147: is that good?",
    "gradient estimator": "Reparameterization",
    "mode seeking": "The KL divergence",
    "PCA": "The autoencoder",
    "own pictures": "Your own images",
}
RESULTS = "ul.search > li > a"
# Asks the page itself once more, as its address would, but for the lines around what is found.
ASK = """query => {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    history.replaceState(null, "", "?" + new URLSearchParams({ q: query }));
    document.querySelector("#search-results").replaceChildren();
    Search.performSearch(query);
}"""


@pytest.fixture(scope="module")
def visit(browser, base):
    with Visit(browser, base) as one:
        yield one
        assert one.problems == []


def search(visit, query: str) -> list[str]:
    """The titles that a query finds, in order, without numbers of chapters."""
    visit.open("search.html?q=" + "+".join(query.split()))
    return titles(visit)


def titles(visit) -> list[str]:
    """The titles on the page of results, when they are all there."""
    visit.page.wait_for_function(
        "() => /found|did not match/.test(document.querySelector('#search-results')?.innerText)"
    )
    found = visit.page.locator(RESULTS).all_inner_texts()
    return [re.sub(r"^\d+\. ", "", title) for title in found]


@pytest.fixture(scope="module")
def asked(browser, server):
    """A page of results, which is asked again and again."""
    with Visit(browser, server) as one:
        assert search(one, "zzz") == []
        yield one
        assert one.problems == []


@pytest.mark.parametrize("query", FIRST)
def test_the_page_about_a_term_comes_first(asked, query):
    asked.page.evaluate(ASK, query)
    found = titles(asked)
    assert found
    assert found[0].split(" > ")[0] == FIRST[query], found[:4]


def test_the_address_asks_as_the_page_does(visit, asked):
    for query in ("beta-VAE", "log σ²"):
        asked.page.evaluate(ASK, query)
        assert search(visit, query) == titles(asked)


def test_a_term_is_found_in_its_section_and_then_in_the_glossary(visit):
    first, second, *_ = search(visit, "reparametrisation trick")
    assert first == "Reparameterization > The change of variables"
    assert second == "Glossary > reparameterization trick"
    visit.page.locator(RESULTS).nth(1).click()
    visit.page.wait_for_url("**/glossary.html*#term-reparameterization-trick")
    assert visit.page.locator(":target").count() == 1


def test_a_result_leads_to_its_section(visit):
    assert search(visit, "free bits")[0].endswith("> A decoder that needs no code")
    visit.page.locator(RESULTS).first.click()
    visit.page.wait_for_url("**/wrong.html*#a-decoder-that-needs-no-code")
    assert visit.page.locator(":target").count() == 1


def test_no_page_is_listed_twice_for_the_same_place(visit):
    for query in ("ELBO", "posterior collapse", "prior"):
        found = search(visit, query)
        assert len(found) == len(set(found))


def test_a_page_is_found_by_a_term_that_it_explains_in_other_words(visit):
    assert search(visit, "ancestral sampling")[0] == "Building the VAE > What it invents"


def test_a_name_of_the_module_is_found(visit):
    assert "vaelib.evaluation.active_units" in search(visit, "active_units")[:2]


def test_what_only_code_has_is_not_found_in_it(visit):
    assert search(visit, "fill_diagonal_") == []
    assert search(visit, "zzz") == []


def test_a_screen_reader_is_told_how_many_pages_were_found(visit):
    search(visit, "ELBO")
    status = visit.page.get_by_role("status").filter(has_text="page(s) matching")
    expect(status).to_have_count(1)
    assert visit.page.locator("main ul.search").count() == 1


EXCERPTS = ("ELBO", "sigma", "posterior collapse", "evidence lower bound", "bits per dim", "moons")
MAIN = """async (address) => {
    const text = await (await fetch(address)).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const unseen = "script, style, pre, svg, .visually-hidden";
    for (const each of page.querySelectorAll(unseen)) each.remove();
    for (const each of page.querySelectorAll("p, li, dt, dd, td, h1, h2, h3, mi")) each.append(" ");
    for (const each of page.querySelectorAll("p, li, dt, dd, td, mi")) each.prepend(" ");
    return (page.querySelector("[role=main]") ?? page.body).textContent;
}"""


def words(text: str) -> list[str]:
    """The words between blanks, without those of formulas."""
    found = (word.strip(".,;:?!()…") for word in text.split())
    return [word for word in found if re.fullmatch("[A-Za-z]+", word) and word != "log"]


def excerpts(visit, query: str) -> list[tuple[str, str]]:
    """The address of each result, and what it says of its page."""
    search(visit, query)
    read_results(visit.page)
    found = visit.page.locator("ul.search > li:has(.context)").all()
    return [
        (item.locator("a").first.get_attribute("href"), item.locator(".context").inner_text())
        for item in found
    ]


@pytest.mark.parametrize("query", EXCERPTS)
def test_a_result_says_whole_words_that_a_reader_sees(asked, query):
    found = excerpts(asked, query)
    assert len(found) > 2
    for address, text in found:
        assert len(text) < 250, address
        assert not re.search(r"in the notation|dotted line|min to read|\\[a-z]+|\s[.,]", text), text
        seen = set(words(asked.page.evaluate(MAIN, address)))
        assert set(words(text)) <= seen, (address, text)


def test_a_result_says_what_was_asked_for(asked):
    for query in ("ELBO", "moons"):
        found = [text for _, text in excerpts(asked, query)]
        assert sum(query.lower() in text.lower() for text in found) > len(found) / 2, found


def test_a_result_writes_formulas_in_a_line(asked):
    """A fraction keeps its bar, and no answer or solution is told in passing."""
    asked.page.goto(f"{asked.base}search.html?q=zzz")
    said = asked.page.evaluate("""() => Excerpts.texts(`<main role="main">
        <p>as <mjx-container><math><mfrac>
            <mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><msup><mi>σ</mi><mn>2</mn></msup>
        </mfrac></math></mjx-container>.</p>
        <details><p>told</p></details><div class="math">x</div>
        <nav><p>a list of the sections</p></nav>
        <p><mjx-container><math><msup><mi>e</mi><mrow><mo>−</mo><mn>100</mn></mrow></msup>
            <mo>=</mo><mo>−</mo><mi>a</mi><mo>−</mo><mi>b</mi></math></mjx-container></p></main>`)""")
    assert said == ["as (a + b)/σ².", "…", "e^(−100) = −a − b"]
