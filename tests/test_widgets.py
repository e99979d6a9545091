"""What holds for every widget: what it displays, what a page gets of it, and its sources."""

import base64
import io
import json
import re
import zlib

import PIL.Image
import pytest
import traitlets

import vaelib
from vaelib import widgets
from vaelib.widgets import base, network


@pytest.fixture(scope="module")
def explorer():
    test = vaelib.mnist("test")
    model = vaelib.pretrained("vae-2d")
    return widgets.LatentExplorer(model, test.images[:50], test.labels[:50], num_choices=20)


def classes():
    found = [getattr(widgets, name) for name in widgets.__all__]
    return [each for each in found if isinstance(each, type)]


def test_display_holds_the_view_a_picture_and_its_text(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 300
    assert data["text/plain"] == metadata["image/png"]["alt"] == explorer.still()[1]


def test_page_state_is_small_and_names_the_network_instead_of_holding_it(explorer):
    state = explorer.page_state()
    assert state["decoder"] == {"network": network.pack(explorer._model.decoder)["digest"]}
    assert len(json.dumps(state)) < 20_000


def test_page_state_holds_every_trait_of_the_widget_and_none_of_jupyter(explorer):
    state = explorer.page_state()
    assert set(state) == set(widgets.LatentExplorer.class_own_traits())


def test_bytes_come_back_from_the_page_state(explorer):
    stored = explorer.page_state()["images"]["deflated"]
    assert zlib.decompress(base64.b64decode(stored)) == explorer.images


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_module_imports_nothing_and_exports_render(kind):
    source = base.module(kind.source)
    assert not re.search(r"^\s*import\b|\bimport\(|\brequire\(|https?://", source, re.MULTILINE)
    assert source.rstrip().endswith("export default { render };")


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_no_name_is_defined_twice_in_a_module(kind):
    source = base.module(kind.source)
    names = re.findall(
        r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", source, re.MULTILINE
    )
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})


def test_each_file_comes_once_and_after_what_it_imports():
    files = base.parts("draw_digit.js")
    assert len(files) == len(set(files))
    assert files[-1] == "draw_digit.js"
    assert files.index("controls.js") < files.index("plane.js") < files.index("pad.js")


class Thing(traitlets.HasTraits):
    number = base.Finite(1.0)
    point = base.finite_list([0.0, 0.0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(value):
    thing = Thing()
    with pytest.raises(ValueError, match=r"wanted number finite, got (nan|inf)"):
        thing.number = value
    with pytest.raises(ValueError, match=r"finite, got (nan|inf)"):
        thing.point = [0.0, value]
    assert (thing.number, thing.point) == (1.0, [0.0, 0.0])


@pytest.mark.parametrize("value", [[1.0], [1.0, 2.0, 3.0], ["a", "b"], None])
def test_a_point_is_two_numbers(value):
    with pytest.raises(traitlets.TraitError, match="point"):
        Thing().point = value


def test_a_whole_number_becomes_a_float():
    assert Thing(number=2, point=[1, 2]).point == [1.0, 2.0]
