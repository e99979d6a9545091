"""A model as a graph of operations in an ONNX file, which other programs can run.

onnx and onnxscript are wanted only when a function is called.
"""

import copy
import importlib
import warnings
from types import ModuleType

import torch
from torch import Tensor, nn

from vaelib.devices import plain_torch
from vaelib.files import write_atomically
from vaelib.models.base import LatentVariableModel
from vaelib.networks import evaluating, inside, unwrapped
from vaelib.paths import file_to_write

PARTS = ("whole", "encoder", "decoder")


class _Part(nn.Module):
    """A part of a model as a function of tensors, the last of which may be labels."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def of(self, labels: Tensor | None):
        """The model, with its labels if it asks for them."""
        return self.model if labels is None else self.model.with_labels(labels)


class _Encoder(_Part):
    """Images to the parameters of q(z|x), or to an autoencoder's code."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        return self.of(labels).posterior(images).parameters


class _Decoder(_Part):
    """Latents to the mean of p(x|z)."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.of(labels).likelihood(z).mean


class _WholeWithNoise(_Part):
    """Images and noise to rebuilt images and q(z|x): what is random comes from outside."""

    def forward(
        self, images: Tensor, eps: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        model = self.of(labels)
        q = model.posterior(images)
        return model.likelihood(q.from_noise(eps)).mean, *q.parameters


class _Whole(_Part):
    """Images to rebuilt images and their codes."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        model = self.of(labels)
        q = model.posterior(images)
        return model.likelihood(q.sample()).mean, *q.parameters


@plain_torch(gradients=True)
def export_onnx(model: LatentVariableModel, path, part: str = "whole") -> None:
    """Write a network's graph and its weights to an ONNX file, for any batch size.

    A graph that drew its own noise would give other numbers each time, with no seed to set. So the
    noise of a VAE is an input of its graph: draw `eps` from N(0, I) for draws from q(z|x), or give
    zeros, which makes z the mean. The file holds nothing of the machine that wrote it.

    Args:
        path: the file; a reader never sees half of it.
        part: "whole": images (B, input_dim) and, for a VAE, eps (B, D), to recon (B, input_dim),
            mu (B, D) and log_var (B, D), or recon and z for an autoencoder; "encoder": images to
            mu and log_var, or to z; "decoder": z (B, D) to recon. Of a model that asks for
            labels, each has a last input more: labels (B,), int64.

    Raises:
        ValueError: if the model or the part is none of these, or the path is not in a folder.
        RuntimeError: if onnx or onnxscript is not installed.
        OSError: if the file cannot be written; an older one is then left as it was.

    Source:
        The format: https://onnx.ai/onnx/repo-docs/IR.html
    """
    model = inside(model)
    if not isinstance(model, LatentVariableModel):
        raise ValueError(f"wanted an Autoencoder or a VAE, got a {type(model).__name__}")
    model = unwrapped(model)
    if part not in PARTS:
        raise ValueError(f"wanted part as one of {PARTS}, got {part!r}")
    path = file_to_write(path)
    for package in ("onnx", "onnxscript"):
        imported(package)
    content = _traced(*_part_of(model, part)).SerializeToString()
    write_atomically(path, content)


def _part_of(model, part: str) -> tuple[_Part, dict[str, Tensor], list[str]]:
    """The part as a module, its inputs with an example of each, and the names of its outputs."""
    zeros = next(model.parameters()).new_zeros
    images = {"images": zeros(2, model.input_dim)}
    z, labels = zeros(2, model.latent_dim), {}
    if model.takes_labels:
        labels = {"labels": torch.zeros(2, dtype=torch.int64, device=z.device)}
    if part == "decoder":
        return _Decoder(model), {"z": z} | labels, ["recon"]
    q = _posterior_of_black(model, labels)
    if part == "encoder":
        return _Encoder(model), images | labels, list(q.names)
    outputs = ["recon", *q.names]
    if q.is_point:
        return _Whole(model), images | labels, outputs
    return _WholeWithNoise(model), images | {"eps": z} | labels, outputs


@torch.no_grad()
def _posterior_of_black(model, labels: dict[str, Tensor]):
    """q(z|x) of two black images.

    Raises:
        ValueError: if a graph could not hold such a distribution.
    """
    with evaluating(model):
        labelled = model.with_labels(labels["labels"]) if labels else model
        q = labelled.posterior(next(model.parameters()).new_zeros(2, model.input_dim))
    if not (q.is_point or hasattr(q, "from_noise")):
        raise ValueError(
            "wanted a posterior that makes z of noise (`from_noise`), or a point, got "
            f"{type(q).__name__}"
        )
    return q


def _traced(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str]):
    """The ONNX model of a module whose inputs are like these, for any first axis."""
    module = copy.deepcopy(module).cpu().eval()
    batch = torch.export.Dim("B")
    with warnings.catch_warnings():
        # torch warns that two inputs share the axis B, which is what is wanted.
        warnings.filterwarnings("ignore", message=".*The axis name: B will not be used")
        # Some releases of its exporter use what the same release calls deprecated.
        warnings.filterwarnings("ignore", "`isinstance\\(treespec, LeafSpec", FutureWarning)
        program = torch.onnx.export(
            module,
            tuple(example.cpu() for example in inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: batch} for _ in inputs),
        )
    proto = program.model_proto
    _drop_prefix(proto.graph, "model.")
    # The exporter notes the source line of every operation, with the path of the file.
    tensors = (*proto.graph.input, *proto.graph.output, *proto.graph.value_info)
    for item in (proto, proto.graph, *proto.graph.node, *proto.graph.initializer, *tensors):
        item.ClearField("metadata_props")
    return proto


def _drop_prefix(graph, prefix: str) -> None:
    """Call weights as the model itself does, without the name that its part has for the model."""
    taken = {value.name for value in (*graph.input, *graph.output)}
    names = {tensor.name: tensor.name.removeprefix(prefix) for tensor in graph.initializer}
    names = {old: new for old, new in names.items() if new not in taken}
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def imported(package: str) -> ModuleType:
    """An optional package.

    Raises:
        RuntimeError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise RuntimeError(f"{package} is not installed: pip install {package}") from error
