"""Models on disk: safetensors files that hold tensors and the constructor's arguments, no code."""

import hashlib
import importlib.resources
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from vaelib.files import write_atomically
from vaelib.models import VAE, Autoencoder

ARCHITECTURES = {"Autoencoder": Autoencoder, "VAE": VAE}
FOLDER = importlib.resources.files("vaelib") / "_data"


def save(model: Autoencoder | VAE, path, half: bool = False) -> None:
    """Write a model's weights and its constructor's arguments; a reader never sees half a file.

    Args:
        half: round the weights to float16 in the file, which halves it; `load` gives float32 again.
            The rounding is a relative 2^-11 a weight: it moves the test -ELBO of the book's models
            by less than 0.01 nats (`tests/test_checkpoints.py` holds them to it), but their outputs
            no longer agree to the last digits.

    Raises:
        ValueError: if the model is of no class that `load` knows, or a weight is too large for
            float16.
        OSError: if the file cannot be written; an older one is then left as it was.
    """
    name = type(model).__name__
    if ARCHITECTURES.get(name) is not type(model):
        raise ValueError(f"wanted a model of {list(ARCHITECTURES)}, got {name}")
    header = {"architecture": name, "arguments": json.dumps(model.arguments)}
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if half:
        header["stored"] = "float16"
        tensors = {name: tensor.half() for name, tensor in tensors.items()}
        too_large = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
        if too_large:
            raise ValueError(f"wanted weights below 65504 for float16, got more in {too_large}")
    header["sha256"] = _digest(tensors, header)
    write_atomically(Path(path), safetensors.torch.save(tensors, metadata=header))


def load(path) -> Autoencoder | VAE:
    """Read a model that `save` wrote, on the CPU. Nothing in the file is run.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        ValueError: if it is no checkpoint of one of vaelib's architectures, or is damaged, or its
            tensors do not fit the architecture that it names.
    """
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, wanted a safetensors checkpoint")
    with open(path, "rb"):
        pass  # one that may not be read is missing to safetensors
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors checkpoint ({error})") from error
    digest = header.pop("sha256", None)  # a file from before there were any has none
    if digest not in (None, _digest(tensors, header)):
        raise ValueError(f"{path} is damaged: it holds other weights than those that were saved")
    if header.get("stored") == "float16":
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
    architecture = header.get("architecture")
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"{path} holds the architecture {architecture!r}, wanted one of {list(ARCHITECTURES)}"
        )
    try:
        with torch.device(
            "meta"
        ):  # no memory and no random numbers: the tensors are those of the file
            model = ARCHITECTURES[architecture](**json.loads(header["arguments"]))
        model.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not fit the {architecture} it names: {error}") from error
    return model


def _digest(tensors: dict, header: dict) -> str:
    """The SHA-256 of a checkpoint's tensors and header, which safetensors does not note."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def pretrained(name: str) -> Autoencoder | VAE:
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
