"""Networks as ONNX files: the model's numbers, an honest draw, and clear errors."""

import subprocess
import sys

import onnx
import onnxruntime
import pytest
import torch

import vaelib
from vaelib import graphs, plots

SIZES = {"input_dim": 12, "hidden_dim": (6, 5), "latent_dim": 3}

pytestmark = pytest.mark.slow  # each exports a graph


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return vaelib.VAE(**SIZES, activation="silu")


@pytest.fixture(scope="module")
def vae_file(vae, tmp_path_factory):
    path = tmp_path_factory.mktemp("graphs") / "vae.onnx"
    graphs.export_onnx(vae, path)
    return path


def run(path, **inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    names = [output.name for output in session.get_outputs()]
    return {name: torch.from_numpy(v) for name, v in zip(names, values, strict=True)}


def assert_close(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value.detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 7, 300])
def test_the_file_gives_the_forward_pass_of_the_same_noise(vae, vae_file, batch):
    images = torch.rand(batch, 12, generator=torch.Generator().manual_seed(batch))
    torch.manual_seed(5)
    recon, mu, log_var = vae(images)
    torch.manual_seed(5)
    eps = torch.empty(batch, 3).normal_()
    found = run(vae_file, images=images, eps=eps)
    assert_close(found, {"recon": recon, "mu": mu, "log_var": log_var})


def test_without_noise_the_latent_is_the_mean(vae, vae_file):
    images = torch.rand(4, 12)
    found = run(vae_file, images=images, eps=torch.zeros(4, 3))
    torch.testing.assert_close(found["recon"], vae.decode(found["mu"]).detach(), rtol=0, atol=1e-5)


def test_the_same_input_gives_the_same_output(vae_file):
    inputs = {"images": torch.rand(4, 12), "eps": torch.randn(4, 3)}
    first, second = run(vae_file, **inputs), run(vae_file, **inputs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_parts_of_a_vae(vae, tmp_path):
    graphs.export_onnx(vae, tmp_path / "encoder.onnx", "encoder")
    graphs.export_onnx(vae, tmp_path / "decoder.onnx", "decoder")
    images, z = torch.rand(5, 12), torch.randn(3, 3)
    mu, log_var = vae.encode(images)
    assert_close(run(tmp_path / "encoder.onnx", images=images), {"mu": mu, "log_var": log_var})
    assert_close(run(tmp_path / "decoder.onnx", z=z), {"recon": vae.decode(z)})


def test_parts_of_an_autoencoder(tmp_path):
    model = vaelib.Autoencoder(**SIZES, activation="tanh")
    images = torch.rand(5, 12)
    recon, z = model(images)
    path = tmp_path / "model.onnx"
    graphs.export_onnx(model, path)
    assert_close(run(path, images=images), {"recon": recon, "z": z})
    graphs.export_onnx(model, path, "encoder")
    assert_close(run(path, images=images), {"z": z})
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_export_leaves_the_model_in_training_and_of_its_precision(tmp_path):
    model = vaelib.VAE(**SIZES).double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    graphs.export_onnx(model, tmp_path / "vae.onnx")
    assert all(module.training for module in model.modules())
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_the_weights_in_the_file_have_the_model_s_names(vae, vae_file):
    stored = {w.name: w for w in onnx.load(vae_file).graph.initializer if w.dims}
    assert sorted(stored) == sorted(vae.state_dict())
    for name, tensor in vae.state_dict().items():
        weights = torch.from_numpy(onnx.numpy_helper.to_array(stored[name]).copy())
        assert torch.equal(weights, tensor)


def test_the_file_tells_nothing_of_this_machine(vae_file):
    content = vae_file.read_bytes()
    assert str(graphs.__file__).encode() not in content
    assert b"site-packages" not in content


def test_layers_have_names_shapes_and_parameters(vae, vae_file):
    layers = graphs.graph_layers(vae_file)
    counted = {layer.name: layer.parameters for layer in layers if layer.parameters}
    modules = dict(vae.named_modules())
    assert counted == {name: sum(p.numel() for p in modules[name].parameters()) for name in counted}
    assert sum(counted.values()) == sum(p.numel() for p in vae.parameters())
    shapes = {layer.name: layer.shapes for layer in layers}
    assert shapes["images"] == (("B", 12),)
    assert shapes["encoder.4"] == (("B", 6),)
    assert shapes["recon"] == (("B", 12),)
    inputs = [layer.name for layer in layers if layer.operation == "Input"]
    outputs = [layer.name for layer in layers if layer.operation == "Output"]
    assert (inputs, outputs) == (["images", "eps"], ["recon", "mu", "log_var"])


def test_layers_come_after_what_they_need(vae_file):
    made = set()
    for layer in graphs.graph_layers(vae_file):
        assert set(layer.inputs) <= made
        made |= set(layer.outputs)


def test_the_drawing_has_a_box_for_each_layer_and_none_on_another(vae_file):
    layers = graphs.graph_layers(vae_file)
    ax = plots.graph(layers).axes[0]
    assert len(ax.patches) == len(layers)
    assert len({(box.get_x(), box.get_y()) for box in ax.patches}) == len(layers)
    texts = " ".join(text.get_text() for text in ax.texts)
    assert "encoder.0\nB × 6, 78 parameters" in texts
    assert "log_var" in texts


def test_arrows_of_the_drawing_point_down(vae_file):
    layers = graphs.graph_layers(vae_file)
    arrows = [text for text in plots.graph(layers).axes[0].texts if hasattr(text, "arrow_patch")]
    arrows = [arrow for arrow in arrows if arrow.arrow_patch is not None]
    assert len(arrows) == sum(len(layer.inputs) for layer in layers)
    assert all(arrow.xy[1] > arrow.xyann[1] for arrow in arrows)


def test_no_layers_cannot_be_drawn():
    with pytest.raises(ValueError, match="one layer or more, got none"):
        plots.graph([])


@pytest.mark.parametrize(
    ("part", "message"), [("middle", "wanted part as one of"), (None, "wanted part as one of")]
)
def test_an_unknown_part_is_an_error(vae, tmp_path, part, message):
    with pytest.raises(ValueError, match=message):
        graphs.export_onnx(vae, tmp_path / "x.onnx", part)


def test_another_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="wanted an Autoencoder or a VAE, got a Linear"):
        graphs.export_onnx(torch.nn.Linear(2, 2), tmp_path / "x.onnx")


@pytest.mark.parametrize("name", [".", "missing/vae.onnx"])
def test_a_path_that_no_file_can_have_is_an_error(vae, tmp_path, name):
    with pytest.raises(ValueError, match="in a folder that exists"):
        graphs.export_onnx(vae, tmp_path / name)


def test_a_failed_write_leaves_the_old_file(vae, tmp_path, monkeypatch):
    path = tmp_path / "vae.onnx"
    path.write_bytes(b"old")

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vaelib.data.os.replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        graphs.export_onnx(vae, path, "decoder")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["vae.onnx"]


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(vae, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeError, match=f"^{package} is not installed: pip install {package}$"):
        graphs.export_onnx(vae, tmp_path / "vae.onnx")
    assert list(tmp_path.iterdir()) == []


def test_reading_without_onnx_names_it(vae_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RuntimeError, match="onnx is not installed"):
        graphs.graph_layers(vae_file)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x07", bytes(range(256))])
def test_a_file_that_is_no_graph_is_an_error_of_one_line(tmp_path, content):
    path = tmp_path / "vae.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"vae\.onnx is not a valid ONNX file") as caught:
        graphs.graph_layers(path)
    assert "\n" not in str(caught.value)


def test_half_a_file_is_an_error(vae_file, tmp_path):
    path = tmp_path / "half.onnx"
    path.write_bytes(vae_file.read_bytes()[:-200])
    with pytest.raises(ValueError, match="not a valid ONNX file"):
        graphs.graph_layers(path)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        graphs.graph_layers(tmp_path / "missing.onnx")
    with pytest.raises(OSError, match=r".+"):
        graphs.graph_layers(tmp_path)


def test_vaelib_needs_none_of_these_packages():
    """Only the functions that use them import them."""
    packages = ("onnx", "onnxruntime", "onnxscript", "netron", "torchinfo", "thop")
    source = f"import sys; sys.modules.update(dict.fromkeys({packages})); import vaelib"
    subprocess.run([sys.executable, "-c", source], check=True)


@pytest.fixture
def with_weights_beside(vae_file, tmp_path):
    """The same graph as torch.onnx.export writes large ones: the weights are in a second file."""
    path = tmp_path / "beside.onnx"
    save = {"save_as_external_data": True, "location": "beside.data", "size_threshold": 0}
    onnx.save_model(onnx.load(vae_file), path, **save)
    assert (tmp_path / "beside.data").exists()
    return path


def test_weights_may_be_in_a_file_beside(with_weights_beside, vae_file, monkeypatch):
    expected = graphs.graph_layers(vae_file)
    assert graphs.graph_layers(with_weights_beside) == expected
    monkeypatch.chdir(with_weights_beside.parent)
    assert graphs.graph_layers(with_weights_beside.name) == expected
    monkeypatch.setenv("HOME", str(with_weights_beside.parent))
    assert graphs.graph_layers("~/beside.onnx") == expected


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_weights_that_are_not_there_are_named(with_weights_beside, damage):
    data = with_weights_beside.with_name("beside.data")
    if damage == "missing":
        data.unlink()
        message = r"beside.onnx keeps its weights in \['beside.data'\], wanted beside it"
    else:
        data.write_bytes(data.read_bytes()[:40])
        message = "beside.onnx is not a valid ONNX file"
    with pytest.raises(ValueError, match=message):
        graphs.graph_layers(with_weights_beside)


def test_a_wrapped_model_is_exported_whatever_is_set(vae, vae_file, tmp_path, monkeypatch):
    path, compiled = tmp_path / "wrapped.onnx", torch.compile(vae, backend="eager")
    monkeypatch.setenv("HOME", str(tmp_path))
    with torch.device("meta"), torch.inference_mode():
        graphs.export_onnx(compiled, "~/wrapped.onnx")
    assert path.read_bytes() == vae_file.read_bytes()
