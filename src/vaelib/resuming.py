"""A training run on disk, to go on from where it was cut off as if it had not been."""

import dataclasses
import hashlib
import io
import time
from pathlib import Path

import torch

from vaelib.devices import plain_torch
from vaelib.files import write_atomically
from vaelib.objectives import Terms
from vaelib.paths import file_to_write

SAVE_EVERY = 10  # seconds
ADAM = {"means", "squares", "steps"}  # what `optimizing.Adam` remembers of each weight
PARTS = {"identity", "weights", "model", "optimizer", "generator", "train", "test", "seconds"}


class Run:
    """All that the next epoch depends on, in memory and in a file.

    If the file exists, the model, the optimizer, the generator and the history are put back into
    the state that it holds. Nothing in it is run.

    Args:
        path: the file, or None to keep nothing.
        settings: the arguments of `fit`, which must be those of the file.

    Raises:
        ValueError: if the file is damaged, of another run or model, or of another version of
            vaelib, or its folder does not exist; the file is left as it is.
    """

    def __init__(self, path, settings, model, data, optimizer, generator, history):
        self.path = None if path is None else file_to_write(path, "a checkpoint file")
        self.model, self.optimizer, self.generator = model, optimizer, generator
        self.history = history
        self.saved = time.perf_counter()
        if self.path is None:
            return
        known = model.arguments.items()
        arguments = {name: value for name, value in known if name not in model.set_by_fit}
        images, objective = data.images, settings.objective
        if callable(objective):
            objective = f"{objective.__module__}.{objective.__qualname__}"
        self.identity = {
            **dataclasses.asdict(settings),
            "objective": objective,
            "architecture": type(model).__name__,
            "arguments": arguments,
            "images": [*images.shape, _digest(images)],
            **({} if data.labels is None else {"labels": _digest(data.labels)}),
            "device": images.device.type,
        }
        self.weights = _weights(model)
        if self.path.exists():
            self._restore(_read(self.path))

    @plain_torch(gradients=False)
    def save_now_and_then(self, last: bool) -> None:
        """Write the file, in one move, if the last time is long ago or this is the last time."""
        if self.path is None or (not last and time.perf_counter() - self.saved < SAVE_EVERY):
            return
        state = {
            "identity": self.identity,
            "weights": self.weights,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "train": [tuple(terms) for terms in self.history.train],
            "test": [tuple(terms) for terms in self.history.test],
            "seconds": self.history.seconds,
        }
        content = io.BytesIO()
        torch.save(state, content)
        digest = hashlib.sha256(content.getbuffer()).digest()
        write_atomically(self.path, digest + content.getvalue())
        self.saved = time.perf_counter()

    def _restore(self, state: dict) -> None:
        differences = _differences(state["identity"], self.identity)
        differences = differences or _differences(state["weights"], self.weights)
        if differences:
            raise ValueError(
                f"{self.path} holds another run: {'; '.join(differences)}. Wanted the same "
                "arguments, or the name of a new file"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.history.train = [Terms(*terms) for terms in state["train"]]
        self.history.test = [Terms(*terms) for terms in state["test"]]
        self.history.seconds = state["seconds"]


def _differences(before: dict, now: dict) -> list[str]:
    return [
        f"{name} was {before.get(name, 'not there')!r} and is {now.get(name, 'not there')!r}"
        for name in before | now
        if before.get(name) != now.get(name)
    ]


def _digest(numbers: torch.Tensor) -> str:
    """What tells two sets of images or labels apart, also if they have the same sum."""
    digest = hashlib.sha256()
    for part in numbers.split(1000):
        digest.update(part.cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _weights(model: torch.nn.Module) -> dict[str, str]:
    """What the optimizer's state depends on: the weights' names and precisions, and what rests."""
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    kinds = {name: str(tensor.dtype) for name, tensor in model.state_dict().items()}
    return {name: kind + " (frozen)" * (name in frozen) for name, kind in kinds.items()}


def _read(path: Path) -> dict:
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise ValueError(
            f"{path} is no training run, or is damaged: delete it to begin anew, or name another"
        )
    try:
        state = torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
    except Exception as error:  # what torch refuses has no common class of errors
        raise ValueError(
            f"{path} holds more than numbers and was not read: delete it, or name another"
        ) from error
    if not isinstance(state, dict) or state.keys() != PARTS or state["optimizer"].keys() != ADAM:
        raise ValueError(
            f"{path} is of another version of vaelib: delete it to begin anew, or name another"
        )
    return state
