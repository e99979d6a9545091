"""What the page computes is what PyTorch computes with the weights as the page has them."""

import re

import pytest
import torch

import vaelib
from tests.browser.conftest import Visit, built, ready_widget
from tests.pages import chapters, widgets_of
from vaelib.widgets import network

COUNT = 100
RUN = """([figure, trait, inputs]) => {
    const { Network, probabilities } = figure.vaelib.module;
    const network = new Network(figure.vaelib.model.get(trait));
    return inputs.map(input => Array.from(
        trait === 'encoder' ? network.run(input) : probabilities(network.run(input))));
}"""


@pytest.fixture(scope="module")
def model():
    return network.half(vaelib.pretrained("vae-2d"))


@pytest.fixture(scope="module")
def images():
    return vaelib.mnist("test").images[:COUNT]


def on_page(browser, server, name, trait, inputs):
    """What a widget's network makes of inputs, on the first page that has the widget."""
    page = next(page for page in chapters() if name in widgets_of(page))
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(built(page)), name)
        arguments = [figure.element_handle(), trait, inputs.tolist()]
        return torch.tensor(visit.page.evaluate(RUN, arguments))


@torch.no_grad()
def test_decoder_on_the_page_is_pytorchs(browser, server, model):
    z = 2 * torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(0))
    found = on_page(browser, server, "LatentExplorer", "decoder", z)
    assert found.shape == (COUNT, 784)
    torch.testing.assert_close(found, model.decode(z), rtol=0, atol=1e-5)


@torch.no_grad()
def test_encoder_and_decoder_on_the_page_are_pytorchs(browser, server, model, images):
    codes = on_page(browser, server, "DrawDigit", "encoder", images.flatten(1))
    mu, log_var = model.encode(images)
    torch.testing.assert_close(codes, torch.cat([mu, log_var], 1), rtol=1e-4, atol=1e-4)
    rebuilt = on_page(browser, server, "DrawDigit", "decoder", codes[:, :2])
    torch.testing.assert_close(rebuilt, model.decode(mu), rtol=0, atol=1e-5)


@torch.no_grad()
def test_what_the_explorer_says_of_an_image_is_what_vaelib_says(browser, server, model, images):
    """Its KL is exact; its reconstruction loss at the mean is that of the image."""
    page = next(page for page in chapters() if "LatentExplorer" in widgets_of(page))
    mu, log_var = model.encode(images)
    kl = vaelib.gaussian_kl(mu, log_var)
    loss = -vaelib.reconstruction_log_likelihood(model, images, mu)
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(built(page)), "LatentExplorer")
        for chosen in (0, 7, 99):
            figure.get_by_label("image", exact=True).fill(str(chosen))
            rows = dict(
                row.split("\t") for row in figure.locator("table").inner_text().splitlines()
            )
            assert rows["KL(q(z|x) ‖ p(z))"] == f"{kl[chosen]:.1f} nats"
            visit.page.wait_for_function(
                "([f, wanted]) => f.querySelector('table').innerText.includes(wanted)",
                arg=[
                    figure.element_handle(),
                    f"−log p(x|z) at your z\t{loss[chosen]:.1f} nats",
                ],
            )


def test_expected_loss_on_the_page_is_that_of_many_draws(browser, server, model, images):
    """The explorer's 1,000 draws give the expectation within five standard errors."""
    page = next(page for page in chapters() if "LatentExplorer" in widgets_of(page))
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(built(page)), "LatentExplorer")
        text = figure.get_by_role("row", name="reconstruction loss").inner_text()
    with torch.no_grad():
        mu, log_var = model.encode(images[:1])
        z = mu + (log_var / 2).exp() * torch.randn(
            2000, 1, 2, generator=torch.Generator().manual_seed(0)
        )
        losses = -vaelib.reconstruction_log_likelihood(model, images[:1], z)
    found = float(text.split("\t")[1].split()[0])
    assert abs(found - losses.mean()) < 5 * losses.std() * (1 / 1000 + 1 / 2000) ** 0.5 + 0.05


# Bytes that a page may gain, by the number of networks that it carries; a third is a flow's, small.
LIMITS = {0: 150_000, 1: 600_000, 2: 1_100_000, 3: 1_100_000}
PLAYGROUND = 80_000  # more where a page trains a network itself


@pytest.mark.parametrize(
    "page", [page for page in chapters() if widgets_of(page)], ids=lambda page: page.stem
)
def test_widgets_add_little_to_a_page(browser, server, page):
    """All that the page loads from _static/widgets, and the states in the page itself."""
    with Visit(browser, server) as visit:
        loaded = []
        visit.page.on("response", lambda response: loaded.append(response))
        visit.open(built(page))
        for name in widgets_of(page):
            ready_widget(visit, name)
        sizes = {r.url: len(r.body()) for r in loaded if "_static/widgets" in r.url}
        states = visit.page.locator("figure[data-widget] > script")
        inline = sum(len(text.encode()) for text in states.all_text_contents())
    networks = [url for url in sizes if re.search(r"/[0-9a-f]{16}\.js$", url)]
    trains = PLAYGROUND * ("Playground" in widgets_of(page))
    assert sum(sizes.values()) + inline < LIMITS[len(networks)] + trains
