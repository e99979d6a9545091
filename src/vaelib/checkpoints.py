"""Models on disk: safetensors files that hold tensors and the constructor's arguments, no code."""

import hashlib
import importlib.resources
import json
from itertools import pairwise
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from vaelib.devices import plain_torch
from vaelib.files import write_atomically
from vaelib.models.base import FAMILIES, LatentVariableModel
from vaelib.networks import inside, unwrapped
from vaelib.paths import file_to_read, file_to_write

FOLDER = importlib.resources.files("vaelib") / "_data"


def save(model: LatentVariableModel, path, half: bool = False) -> None:
    """Write a model's weights and its constructor's arguments; a reader never sees half a file.

    Args:
        half: round the weights to float16 in the file, which halves it; `load` gives float32 again.
            The rounding is a relative 2^-11 a weight: it moves the test -ELBO of the book's models
            by less than 0.01 nats (`tests/test_checkpoints.py` holds them to it), but their outputs
            no longer agree to the last digits.

    What is saved is the network itself, also of a compiled or wrapped model (`unwrapped`), and only
    what its class has: which weights were frozen is not.

    Raises:
        ValueError: if the model is of no class that `load` could make again from `model.arguments`,
            its tensors are not those that its class has, two of them share memory, a weight is NaN
            or infinite, or too large for float16; or if the path is a folder, or in a folder that
            is not there.
        OSError: if the file cannot be written; an older one is then left as it was.
    """
    path, model = file_to_write(path), _unwrapped(model)
    header = {"architecture": type(model).__name__, "arguments": json.dumps(model.arguments)}
    tensors = model.state_dict()
    _check_tensors(model, tensors)
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if half:
        header["stored"] = "float16"
        tensors = {name: tensor.half() for name, tensor in tensors.items()}
        too_large = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
        if too_large:
            raise ValueError(f"wanted weights below 65504 for float16, got more in {too_large}")
    header["sha256"] = _digest(tensors, header)
    write_atomically(path, _in_order(safetensors.torch.save(tensors, metadata=header)))


def _unwrapped(model) -> LatentVariableModel:
    """The network in a wrapper, if it is of a class that `load` finds by its name."""
    network = inside(model)
    name = type(network).__name__
    if not isinstance(network, LatentVariableModel):
        raise ValueError(f"wanted a LatentVariableModel, such as a VAE, got {name}")
    if FAMILIES.get(name) is not type(network):
        raise ValueError(
            f"wanted a class that load finds by its name, got {name}, and another class has that "
            "name: call yours otherwise"
        )
    return unwrapped(network)


def _made_again(model) -> LatentVariableModel:
    """A model of the same class and the same arguments, without memory for its weights."""
    name = type(model).__name__
    try:
        arguments = json.loads(json.dumps(model.arguments))
        with torch.device("meta"):
            return type(model)(**arguments)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"wanted a model that load can make again, by {name}(**model.arguments), got one with "
            f"arguments {model.arguments!r:.200}, and {error}. Make its networks in the __init__ "
            "of a subclass of LatentVariableModel, and give arguments to super().__init__"
        ) from error


def _check_tensors(model, tensors: dict[str, torch.Tensor]) -> None:
    """Check that `load` will get back what is saved, and that it is worth it."""
    wanted = _made_again(model).state_dict()
    differ = [
        name
        for name in tensors | wanted
        if name not in tensors or name not in wanted or tensors[name].shape != wanted[name].shape
    ]
    if differ:
        name = type(model).__name__
        raise ValueError(
            f"wanted the tensors of a {name}, got others in {differ}, as profilers, pruning and "
            f"parametrizations leave them: undo these, or make a {name}(**model.arguments) and "
            "give it the weights by load_state_dict(model.state_dict(), strict=False)"
        )
    shared = _shared(tensors)
    if shared:
        raise ValueError(
            f"wanted weights that each have their own memory, got {shared[0]} and {shared[1]} "
            "tied: a file would hold both, and load could not tie them again"
        )
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"wanted finite weights, got NaN or infinity in {broken}")


def _shared(tensors: dict[str, torch.Tensor]) -> tuple[str, str] | None:
    """The names of two tensors that have numbers in common."""
    places = []
    for name, tensor in tensors.items():
        last = sum(
            (size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True)
        )
        start = tensor.data_ptr()
        end = start + (last + 1) * tensor.element_size()
        places.append((str(tensor.device), start, end, name))
    places.sort()
    for (device, _, end, name), (other_device, start, _, other) in pairwise(places):
        if device == other_device and start < end:
            return min(name, other), max(name, other)
    return None


@plain_torch(gradients=False)
def load(path) -> LatentVariableModel:
    """Read a model that `save` wrote, on the CPU. Nothing in the file is run.

    The weights are a copy: what happens to the file afterwards does not change them.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        ValueError: if it is no checkpoint of a family of models that vaelib has or the program has
            defined, or is damaged, or its tensors do not fit the family that it names.
    """
    content = file_to_read(path, "a safetensors checkpoint").read_bytes()
    try:
        tensors = safetensors.torch.load(content)
        header = _metadata(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors checkpoint ({error})") from error
    digest = header.pop("sha256", None)  # a file from before there were any has none
    if digest not in (None, _digest(tensors, header)):
        raise ValueError(f"{path} is damaged: it holds other weights than those that were saved")
    if header.get("stored") == "float16":
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
    architecture = header.get("architecture")
    if architecture not in FAMILIES:
        raise ValueError(
            f"{path} holds the architecture {architecture!r}, wanted one of {sorted(FAMILIES)}: "
            "a class of your own is known once it is defined or imported"
        )
    try:
        model = _filled(FAMILIES[architecture], json.loads(header["arguments"]), tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not fit the {architecture} it names: {error}") from error
    return model


def _filled(family: type, arguments: dict, tensors: dict) -> LatentVariableModel:
    """A model of these arguments with a file's tensors."""
    with torch.device("meta"):  # no memory, no random numbers: the tensors are the file's
        model = family(**arguments)
    model.load_state_dict(tensors, assign=True)
    if any(buffer.is_meta for buffer in model.buffers()):  # one that no file holds
        with torch.random.fork_rng(devices=[]):
            model = family(**arguments)
        model.load_state_dict(tensors, assign=True)
    return model


def _digest(tensors: dict, header: dict) -> str:
    """The SHA-256 of a checkpoint's tensors and header, which safetensors does not note."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file that was read without an error.

    Source:
        The format: https://github.com/huggingface/safetensors#format
    """
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its texts sorted, so that the same model makes the same bytes.

    safetensors itself writes them in the order of a hash that differs from process to process.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of eight
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def pretrained(name: str) -> LatentVariableModel:
    """A model that `make checkpoints` trained and that travels with the package.

    Raises:
        ValueError: if there is none of that name; the message lists those there are.
    """
    names = pretrained_names()
    if name not in names:
        raise ValueError(f"wanted one of {names}, got {name!r}")
    with importlib.resources.as_file(FOLDER / f"{name}.safetensors") as path:
        return load(path)


def pretrained_names() -> list[str]:
    """The names that `pretrained` knows."""
    return sorted(
        Path(file.name).stem for file in FOLDER.iterdir() if file.name.endswith(".safetensors")
    )
