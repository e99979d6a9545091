"""What holds for every widget: what it displays, what a page gets of it, and its sources."""

import base64
import io
import json
import re
import zlib

import nbformat
import numpy as np
import PIL.Image
import pytest
import torch

import vaelib
from tests.pages import notebooks
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


def flowed(model):
    """A model whose prior is a flow that has learned nothing."""
    model.own_prior = vaelib.LatentFlow(2, 8)
    return model


WIDGETS = {
    "GaussianKL": lambda model, *_: widgets.GaussianKL(),
    "EffectiveBeta": lambda *_: widgets.EffectiveBeta(),
    "CollapseExplorer": lambda *_: widgets.CollapseExplorer(),
    "Reparameterization": lambda model, *_: widgets.Reparameterization(),
    "LatentExplorer": widgets.LatentExplorer,
    "DrawDigit": widgets.DrawDigit,
    "AutoencoderVersusVAE": lambda model, *data: widgets.AutoencoderVersusVAE(
        vaelib.Autoencoder(784, 8, 2), model, *data
    ),
    "TrainingReplay": lambda model, images, labels: widgets.TrainingReplay(
        vaelib.History([vaelib.Terms(-1.0, 1.0)], []), torch.randn(2, 9, 2), labels
    ),
    "ConditionalExplorer": lambda *_: widgets.ConditionalExplorer(
        vaelib.ConditionalVAE(784, 10, 8, 2)
    ),
    "PriorFlow": lambda model, *data: widgets.PriorFlow(flowed(model), *data),
    "BoundExplorer": lambda model, images, _: widgets.BoundExplorer(model, images[:2].round()),
    "LivingNetwork": lambda model, images, _: widgets.LivingNetwork(model, images),
    "Playground": lambda *_: widgets.Playground(),
    "latent_sliders": lambda model, *_: widgets.latent_sliders(model),
}
SQUARE = [  # what draws square grey images, of a model without labels
    "LatentExplorer",
    "DrawDigit",
    "AutoencoderVersusVAE",
    "PriorFlow",
    "BoundExplorer",
    "LivingNetwork",
]
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module", params=WIDGETS)
def widget(request):
    """Each widget in turn, on a small model that was not trained."""
    torch.manual_seed(0)
    return WIDGETS[request.param](vaelib.VAE(784, 8, 2), torch.rand(9, 784), torch.arange(9))


def test_every_widget_is_displayed_here():
    assert set(WIDGETS) == set(widgets.__all__)


@pytest.mark.parametrize("call", [((), {}), ((None, None), {}), ((), {"exclude": []})])
def test_include_and_exclude_come_by_position_and_by_name(widget, call):
    data, metadata = widget._repr_mimebundle_(*call[0], **call[1])
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert {"image/png", base.STATE} <= set(metadata)


@pytest.mark.slow
def test_what_is_not_asked_for_is_left_out(widget):
    assert set(widget._repr_mimebundle_(["text/plain"])[0]) == {"text/plain"}
    data, metadata = widget._repr_mimebundle_(exclude={"image/png"})
    assert set(data) == {VIEW, "text/plain"}
    assert not {"image/png", base.STATE} & set(metadata)
    assert set(widget._repr_mimebundle_({VIEW, "text/plain"}, [VIEW])[0]) == {"text/plain"}


@pytest.mark.slow
def test_metadata_of_anywidget_is_kept(widget, monkeypatch):
    """In Colab it says where the manager of widgets is, and without it nothing is shown."""
    manager = {"colab": {"custom_widget_manager": {"url": "manager.js"}}}
    monkeypatch.setattr(
        "anywidget.widget.repr_mimebundle", lambda **_: ({VIEW: 1}, {VIEW: manager})
    )
    metadata = widget._repr_mimebundle_()[1]
    assert metadata[VIEW] == manager
    assert metadata["image/png"]["alt"]


def test_a_widget_without_a_view_still_has_its_picture(widget, monkeypatch):
    monkeypatch.setattr("anywidget.AnyWidget._repr_mimebundle_", lambda self, **_: None)
    assert set(widget._repr_mimebundle_()[0]) == {"image/png", "text/plain"}


class Shaped(vaelib.VAE):
    """A model of as many pixels as a grey square has, which make another image."""

    image_shape = (4, 14, 14)


@pytest.mark.parametrize("kind", SQUARE)
@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 49, 16), r"\(1, 49, 16\)"), ((4, 14, 14), r"\(4, 14, 14\)"), ((784,), r"\(4, 14, 14\)")],
)
def test_a_page_draws_square_grey_images_only_and_says_so(kind, shape, message):
    model = Shaped(784, 8, 2) if len(shape) == 1 else vaelib.VAE(784, 8, 2)
    with pytest.raises(
        ValueError, match=rf"images of one channel.*784 .*{message}.*latent_sliders"
    ):
        WIDGETS[kind](model, torch.rand(9, *shape), torch.arange(9))


@pytest.mark.parametrize("kind", SQUARE)
def test_a_model_with_labels_is_refused_and_its_own_widget_named(kind):
    model = vaelib.ConditionalVAE(784, 10, 8, 2)
    for each in (model, model.given(torch.tensor(3))):
        with pytest.raises(ValueError, match=r"without labels, got.*widgets\.ConditionalExplorer"):
            WIDGETS[kind](each, torch.rand(9, 784), torch.arange(9))


def test_sliders_take_a_model_with_labels_only_with_its_label():
    model = vaelib.ConditionalVAE(784, 10, 8, 4)
    with pytest.raises(ValueError, match=r"latent_sliders\(model.given\(label\)\), got a Cond"):
        widgets.latent_sliders(model)
    sliders = widgets.latent_sliders(model.given(torch.tensor(3)))
    wanted = model.given(torch.tensor(3)).decode(torch.zeros(4))
    assert list(sliders.pixels) == (wanted * 255).round().int().tolist()


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


@pytest.mark.parametrize(
    "line",
    [
        'import { a } from "./b.js";\n',
        "import {a} from './b.js'\n",
        'import {\n  a,\n  c,\n} from "./b.js";\n',
        'import { a, c } from\n  "./b.js";  \n',
    ],
)
def test_an_import_is_found_however_it_is_formatted(line):
    assert base.IMPORT.findall(line) == ["b.js"]
    assert base.IMPORT.sub("", line) == ""


def test_no_import_gives_a_name_another_one():
    """The files are joined, so a name is the same in all of them."""
    for path in base.SOURCES.iterdir():
        if path.name.endswith(".js"):
            imports = [m[0] for m in base.IMPORT.finditer(path.read_text(encoding="utf-8"))]
            assert not re.search(r"\bas\b", "".join(imports)), path.name


def test_each_file_comes_once_and_after_what_it_imports():
    files = base.parts("draw_digit.js")
    assert len(files) == len(set(files))
    assert files[-1] == "draw_digit.js"
    assert files.index("controls.js") < files.index("plane.js") < files.index("pad.js")


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_no_still_of_the_book_is_cut_at_its_edge(path):
    outputs = (o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", []))
    for output in outputs:
        if base.STATE not in output.get("metadata", {}):
            continue
        data = base64.b64decode(output.data["image/png"])
        pixels = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("L"))
        edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
        assert min(map(np.min, edges)) > 250, output.metadata[base.STATE]["widget"]
