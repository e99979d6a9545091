"""A network as a graph of operations: export it to ONNX, and read the file back.

onnx and onnxscript are wanted only when a function is called.
"""

import copy
import importlib
import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from vaelib.devices import plain_torch
from vaelib.files import write_atomically
from vaelib.models import VAE, Autoencoder
from vaelib.networks import inside, unwrapped
from vaelib.paths import expanded, file_to_write

PARTS = ("whole", "encoder", "decoder")


@dataclass(frozen=True)
class Layer:
    """One node of a graph, or one of its inputs or outputs.

    Attributes:
        name: the network's name for it, such as "encoder.0", if it has parameters.
        operation: ONNX's name for what it does, such as "Gemm" (a matrix product and a sum); or
            "Input" or "Output".
        inputs: names of the tensors that flow in, parameters and constants left out.
        outputs: names of the tensors that flow out.
        shapes: the shape of each output; "B" is the batch, which is fixed only in use.
        parameters: how many weights and biases it has.
    """

    name: str
    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: tuple[tuple[int | str, ...], ...]
    parameters: int


class _Encoder(nn.Module):
    """Images to the parameters of q(z|x), or to an autoencoder's code."""

    def __init__(self, model):
        super().__init__()
        self.encoder, self.is_vae = model.encoder, isinstance(model, VAE)

    def forward(self, images: Tensor):
        h = self.encoder(images)
        return h.chunk(2, dim=1) if self.is_vae else h


class _Decoder(nn.Module):
    """Latents to the mean of p(x|z)."""

    def __init__(self, model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))


class _WholeVAE(_Encoder, _Decoder):
    """Images and noise to rebuilt images, mu and log_var: what is random comes from outside."""

    def __init__(self, model):
        nn.Module.__init__(self)
        self.encoder, self.decoder, self.is_vae = model.encoder, model.decoder, True

    def forward(self, images: Tensor, eps: Tensor):
        mu, log_var = _Encoder.forward(self, images)
        z = mu + torch.exp(log_var / 2) * eps
        return _Decoder.forward(self, z), mu, log_var


class _WholeAutoencoder(_WholeVAE):
    """Images to rebuilt images and their codes."""

    def __init__(self, model):
        super().__init__(model)
        self.is_vae = False

    def forward(self, images: Tensor):
        z = _Encoder.forward(self, images)
        return _Decoder.forward(self, z), z


@plain_torch(gradients=True)
def export_onnx(model: Autoencoder | VAE, path, part: str = "whole") -> None:
    """Write a network's graph and its weights to an ONNX file, for any batch size.

    A graph that drew its own noise would give other numbers each time, with no seed to set. So the
    noise of a VAE is an input of its graph: draw `eps` from N(0, I) for draws from q(z|x), or give
    zeros, which makes z the mean. The file holds nothing of the machine that wrote it.

    Args:
        path: the file; a reader never sees half of it.
        part: "whole": images (B, input_dim) and, for a VAE, eps (B, D), to recon (B, input_dim),
            mu (B, D) and log_var (B, D), or recon and z for an autoencoder; "encoder": images to
            mu and log_var, or to z; "decoder": z (B, D) to recon.

    Raises:
        ValueError: if the model or the part is none of these, or the path is not in a folder.
        RuntimeError: if onnx or onnxscript is not installed.
        OSError: if the file cannot be written; an older one is then left as it was.

    Source:
        The format: https://onnx.ai/onnx/repo-docs/IR.html
    """
    model = inside(model)
    if type(model) not in (Autoencoder, VAE):
        raise ValueError(f"wanted an Autoencoder or a VAE, got a {type(model).__name__}")
    model = unwrapped(model)
    if part not in PARTS:
        raise ValueError(f"wanted part as one of {PARTS}, got {part!r}")
    path = file_to_write(path)
    for package in ("onnx", "onnxscript"):
        imported(package)
    content = _traced(*_part_of(model, part)).SerializeToString()
    write_atomically(path, content)


def _part_of(model, part: str) -> tuple[nn.Module, dict[str, int], list[str]]:
    """The part as a module, its inputs with the columns of each, and the names of its outputs."""
    is_vae = isinstance(model, VAE)
    code = ["mu", "log_var"] if is_vae else ["z"]
    if part == "encoder":
        return _Encoder(model), {"images": model.input_dim}, code
    if part == "decoder":
        return _Decoder(model), {"z": model.latent_dim}, ["recon"]
    noise = {"eps": model.latent_dim} if is_vae else {}
    whole = _WholeVAE(model) if is_vae else _WholeAutoencoder(model)
    return whole, {"images": model.input_dim} | noise, ["recon", *code]


def _traced(module: nn.Module, inputs: dict[str, int], outputs: list[str]):
    """The ONNX model of a module whose inputs are (B, columns)."""
    module = copy.deepcopy(module).cpu().eval()
    parameter = next(module.parameters())
    batch = torch.export.Dim("B")
    with warnings.catch_warnings():
        # torch warns that two inputs share the axis B, which is what is wanted.
        warnings.filterwarnings("ignore", message=".*The axis name: B will not be used")
        # Some releases of its exporter use what the same release calls deprecated.
        warnings.filterwarnings("ignore", "`isinstance\\(treespec, LeafSpec", FutureWarning)
        program = torch.onnx.export(
            module,
            tuple(parameter.new_zeros(2, columns) for columns in inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: batch} for _ in inputs),
        )
    proto = program.model_proto
    # The exporter notes the source line of every operation, with the path of the file.
    tensors = (*proto.graph.input, *proto.graph.output, *proto.graph.value_info)
    for item in (proto, proto.graph, *proto.graph.node, *proto.graph.initializer, *tensors):
        item.ClearField("metadata_props")
    return proto


def graph_layers(path) -> list[Layer]:
    """The nodes of an ONNX file in an order in which they can be computed, inputs first.

    Its weights may be in other files beside it, as torch.onnx.export writes them.

    Raises:
        ValueError: if the file is no valid ONNX model, or one with its weights is not beside it.
        RuntimeError: if onnx is not installed.
        OSError: if the file cannot be read.
    """
    onnx = imported("onnx")
    path = expanded(path)
    content = path.read_bytes()
    try:
        model = onnx.load_model_from_string(content)
        _read_weights_beside(model, path)
        onnx.checker.check_model(model)
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    except _MissingWeights as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # protobuf, checker and inference have no common class of errors
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a valid ONNX file ({reason})") from error
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes = {value.name: _shape(value) for value in (*graph.input, *graph.value_info)}
    shapes |= {value.name: _shape(value) for value in graph.output}
    names = [value.name for value in graph.input if value.name not in weights]
    layers = [Layer(name, "Input", (), (name,), (shapes[name],), 0) for name in names]
    for node in graph.node:
        mine = [name for name in node.input if weights.get(name)]  # a constant has the shape ()
        name = mine[0].rpartition(".")[0] if mine else ""
        inputs = tuple(name for name in node.input if name and name not in weights)
        outputs = tuple(node.output)
        found = tuple(shapes.get(name, ()) for name in outputs)
        count = sum(prod(weights[name]) for name in mine)
        layers.append(Layer(name, node.op_type, inputs, outputs, found, count))
    names = [value.name for value in graph.output]
    return layers + [Layer(name, "Output", (name,), (name,), (shapes[name],), 0) for name in names]


class _MissingWeights(Exception):
    """A file of weights is not where the ONNX file says."""


def _read_weights_beside(model, path: Path) -> None:
    """Read what the file keeps elsewhere; onnx itself sees to it that this is in its folder."""
    kept = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    missing = sorted(name for name in kept if not (path.parent / name).is_file())
    if missing:
        raise _MissingWeights(f"{path} keeps its weights in {missing}, wanted beside it")
    if kept:
        helper = importlib.import_module("onnx.external_data_helper")
        helper.load_external_data_for_model(model, str(path.parent))


def _shape(value) -> tuple[int | str, ...]:
    """A tensor's shape; an axis of any length has a name instead."""
    dimensions = value.type.tensor_type.shape.dim
    return tuple(axis.dim_param or axis.dim_value for axis in dimensions)


def imported(package: str) -> ModuleType:
    """An optional package.

    Raises:
        RuntimeError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise RuntimeError(f"{package} is not installed: pip install {package}") from error
