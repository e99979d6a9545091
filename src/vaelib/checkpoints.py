"""Models on disk: safetensors files that hold tensors and the constructor's arguments, no code."""

import importlib.resources
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from vaelib.data import write_atomically
from vaelib.models import VAE, Autoencoder

ARCHITECTURES = {"Autoencoder": Autoencoder, "VAE": VAE}
FOLDER = importlib.resources.files("vaelib") / "_data"


def save(model: Autoencoder | VAE, path) -> None:
    """Write a model's weights and its constructor's arguments; a reader never sees half a file.

    Raises:
        ValueError: if the model is of no class that `load` knows.
        OSError: if the file cannot be written; an older one is then left as it was.
    """
    name = type(model).__name__
    if ARCHITECTURES.get(name) is not type(model):
        raise ValueError(f"wanted a model of {list(ARCHITECTURES)}, got {name}")
    header = {"architecture": name, "arguments": json.dumps(model.arguments)}
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(Path(path), safetensors.torch.save(tensors, metadata=header))


def load(path) -> Autoencoder | VAE:
    """Read a model that `save` wrote, on the CPU. Nothing in the file is run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of one of vaelib's architectures, or its tensors do not
            fit the architecture that it names.
    """
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, wanted a safetensors checkpoint")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors checkpoint ({error})") from error
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
