"""A network as a graph of operations: read what `export_onnx` wrote, or any ONNX file.

onnx is wanted only when a function is called.
"""

import importlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

from vaelib.export import export_onnx, imported
from vaelib.paths import expanded

__all__ = ["Layer", "export_onnx", "graph_layers"]


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
