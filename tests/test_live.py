"""The extension that puts widgets on pages, apart from Sphinx."""

import json
import sys
from types import SimpleNamespace

import nbformat
import pytest
from sphinx.errors import ExtensionError

import vaelib
from tests.pages import ROOT, notebooks, widgets_of
from tests.test_contract import FAMILIES, LIKELIHOODS, OWN_LIKELIHOOD, PIXELS
from vaelib import widgets

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import live


def app(tmp_path, modules, networks):
    page = {"vaelib_widgets": {"modules": modules, "networks": networks}}
    return SimpleNamespace(
        outdir=tmp_path,
        builder=SimpleNamespace(format="html"),
        env=SimpleNamespace(metadata={"book/page": page, "book/plain": {}}),
    )


def output(widget, state):
    return nbformat.v4.new_output(
        "display_data",
        {"image/png": "", "text/plain": "a picture"},
        metadata={"vaelib": {"widget": widget, "state": state}},
    )


def test_every_shipped_network_has_a_digest_of_its_own():
    """Of the models in two dimensions, which the pages draw."""
    models = [vaelib.pretrained(name) for name in ("autoencoder-2d", "vae-2d")]
    parts = [part for model in models for part in (model.encoder, model.decoder)]
    digests = {live.network.pack(part)["digest"] for part in parts}
    assert len(digests) == 4
    assert digests <= set(live.shipped_networks())


CHAINS = {  # inputs and outputs of what a page can compute of a model of 16 pixels
    "Autoencoder": {(PIXELS, 2), (2, PIXELS)},
    "VAE": {(PIXELS, 4), (2, PIXELS)},
    "ConditionalVAE": {(PIXELS + 3, 4), (2 + 3, PIXELS)},
    "VampPriorVAE": {(PIXELS, 4), (2, PIXELS)},
    "LatentFlowVAE": {(PIXELS, 4), (2, PIXELS), (2 + 1, 2)},
    "LinearVAE": {(2, PIXELS)},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_of_every_family_that_is_shipped_which_a_page_can_compute(family):
    """No family stops the build, whatever its networks are."""
    kind = OWN_LIKELIHOOD.get(family, "bernoulli")
    model = FAMILIES[family](LIKELIHOODS[kind]())
    layers = [packed["layers"] for packed in live.networks_of(model)]
    ends = {(chain[0]["inputs"], chain[-1]["outputs"]) for chain in layers}
    assert ends >= CHAINS.get(family, set())


@pytest.mark.parametrize("family", ["ConvolutionalVAE", "VQVAE"])
def test_a_network_of_convolutions_is_left_out(family):
    model = FAMILIES[family](LIKELIHOODS["bernoulli"]())
    for part in (model.encoder, model.decoder):
        with pytest.raises(ValueError, match="layers that a page can run"):
            live.network.pack(part)
    assert all(len(packed["layers"]) == 1 for packed in live.networks_of(model))


def test_each_module_and_network_is_written_once_as_a_script(tmp_path):
    digest, *_ = live.shipped_networks()
    live.write_scripts(app(tmp_path, ["LatentExplorer"], [digest]), None)
    folder = tmp_path / "_static" / "widgets"
    parts = live.base.parts("latent_explorer.js")
    assert {path.name for path in folder.iterdir()} == {
        "widgets.css",
        "LatentExplorer.js",
        f"{digest}.js",
        *parts,
    }
    assert json.loads((folder / "LatentExplorer.js").read_text().split(" = ")[1][:-2]) == [*parts]
    text = (folder / f"{digest}.js").read_text()
    start, packed = text.split(" = ", 1)
    assert start == f'vaelib.networks["{digest}"]'
    assert set(json.loads(packed.removesuffix(";\n"))) == {"layers", "planes"}


def test_a_network_that_is_not_shipped_is_an_error_that_says_what_to_do(tmp_path):
    """After all else has been written."""
    shipped, *_ = live.shipped_networks()
    page = app(tmp_path, ["LatentExplorer"], ["0" * 16, shipped])
    with pytest.raises(ExtensionError, match=r"book/page: wanted.*refresh the notebook"):
        live.write_scripts(page, None)
    folder = tmp_path / "_static" / "widgets"
    assert {f"{shipped}.js", "LatentExplorer.js"} <= {path.name for path in folder.iterdir()}
    assert not list(folder.glob("0*.js"))


def test_nothing_is_written_after_a_failed_build(tmp_path):
    live.write_scripts(app(tmp_path, ["LatentExplorer"], []), ValueError("no"))
    assert list(tmp_path.iterdir()) == []


def test_the_state_cannot_end_its_script_tag():
    opening, _, closing = live.around([None], output("LatentExplorer", {"a": "</script>"}))
    assert opening.astext() == '<figure class="vae-widget" data-widget="LatentExplorer">'
    assert closing.astext().count("</script>") == 1


def test_what_needs_a_kernel_leaves_a_picture_and_a_sentence():
    opening, _, closing = live.around([None], output("latent_sliders", {}))
    assert "data-widget" not in opening.astext()
    assert "script" not in closing.astext()
    assert "in Jupyter" in closing.astext()


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_stored_state_is_that_of_the_widget_as_it_is_now(page):
    """A trait that a widget has gained or lost since asks for `make notebooks`."""
    for *_, found in live.widget_outputs(page):
        stored = found.metadata["vaelib"]
        if stored["state"]:
            kind = getattr(widgets, stored["widget"])
            assert set(stored["state"]) == set(kind.class_own_traits())
    assert len(widgets_of(page)) == len(set(widgets_of(page)))
