"""The extension that puts widgets on pages, apart from Sphinx."""

import json
import logging
import sys
from types import SimpleNamespace

import nbformat
import pytest

from tests.pages import ROOT, notebooks, widgets_of
from vaelib import widgets
from vaelib.checkpoints import pretrained_names

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
    assert len(live.shipped_networks()) == 2 * len(pretrained_names())


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


def test_a_network_of_other_weights_is_a_warning_that_says_what_to_do(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        live.logger.logger.propagate = True
        live.write_scripts(app(tmp_path, [], ["0" * 16]), None)
    assert "refresh the notebook" in caplog.text
    assert not list((tmp_path / "_static" / "widgets").glob("0*.js"))


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
