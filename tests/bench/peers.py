"""Peers of `vaelib.fit` in another framework, in an environment of their own under _build."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import vaelib

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "_build" / "peers"


def python() -> Path:
    """The interpreter of the environment, which is made at the first call, from a registry."""
    interpreter = FOLDER / "bin" / "python"
    if not (FOLDER / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        wanted = ["-r", HERE / "peers.txt"]
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *wanted], check=True)
        for split in ("train", "test"):
            np.save(FOLDER / f"{split}.npy", vaelib.mnist(split).images.flatten(1).numpy())
        (FOLDER / "complete").touch()
    return interpreter


def run_jax(sizes: tuple[int, int, int], batch_size: int, epochs: int, seed: int) -> dict:
    """Train in JAX in a new process: seconds of compiling and of each epoch, and the test loss."""
    numbers = [batch_size, *sizes[1:], epochs, seed]
    command = [python(), HERE / "jax_vae.py", FOLDER, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
