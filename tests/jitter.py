"""Another machine, made on purpose: run the chapters where arithmetic comes out a little different.

Two processors, or two builds of torch, agree on a product of matrices or on an exponential to about
seven digits and not to the last bit. `python -m tests.jitter` starts kernels in which each such
operation is off by a relative noise of 1e-6 and lets nbval compare what the chapters print there
with what is stored. A digit that moves would move on some reader's machine too.

The noise is a fixed pattern for each operation and shape, so that the same seed still gives the
same bits. float64 is left alone: its own noise is far below any printed digit. A graph that is
exported is not disturbed, since nothing is computed while it is traced.

With `--gpu`, `vaelib.fit` and `vaelib.log_likelihood`, which move to a GPU where there is one,
multiply as coarsely as TF32 and draw other numbers, for a GPU's generator has a stream of its own.
What a page does after an epoch finds the weights away from its own tensors.
"""

import argparse
import dataclasses
import functools
import json
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from tests.pages import ROOT, notebooks

SEED, GPU = "JITTER_SEED", "JITTER_GPU"  # how a kernel is told
NOISE, TF32 = 1e-6, 2.0**-11  # relative, the largest
POOL, OFFSETS = 2**23, 2**16  # random numbers, and where in them a pattern may begin
FLIPS = 1e-3  # the share of bfloat16 and float16 results that land on the neighbouring number
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot")
FUNCTIONS = ("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "erf", "softplus")
FUNCTIONS += ("_softmax", "_log_softmax", "log_sigmoid_forward")
SHARES = ("sigmoid", "_softmax", "tanh")  # results of at most 1
ON_A_GPU = ("fit", "log_likelihood")


class Jitter:
    """Noise on the results of torch's operations on the CPU, from the moment it is made.

    Attributes:
        seed: of the noise.
        coarse: whether products are as coarse as TF32 just now.
    """

    def __init__(self, seed: int):
        self.seed, self.coarse = seed, False
        generator = torch.Generator().manual_seed(seed)
        uniform = 2 * torch.rand(POOL + OFFSETS, generator=generator) - 1
        self._pools = {torch.float32: uniform}
        for dtype in (torch.bfloat16, torch.float16):  # now and then the neighbouring number
            self._pools[dtype] = (uniform > 1 - 2 * FLIPS).to(dtype)
        self._library = torch.library.Library("aten", "IMPL")
        for name in (*PRODUCTS, *FUNCTIONS):
            disturbed = functools.partial(self._disturbed, name)
            self._library.impl(name, disturbed, "CPU")
            if hasattr(torch.ops.aten, f"{name}_"):
                self._library.impl(f"{name}_", functools.partial(_in_place, disturbed), "CPU")

    def _disturbed(self, name: str, *arguments, **options):
        result = _exact(name, *arguments, **options)
        first, *others = result if isinstance(result, tuple) else (result,)
        if first.dtype in self._pools:
            size = TF32 if self.coarse and name in PRODUCTS else NOISE
            self._disturb(name, first, size)
            if name in SHARES:
                first.clamp_(max=1)  # on every processor
        return (first, *others) if others else first  # the others are what the gradient needs

    def _disturb(self, name: str, result: torch.Tensor, size: float) -> None:
        pool = self._pools[result.dtype]
        size = size if result.dtype == torch.float32 else torch.finfo(result.dtype).eps
        start = zlib.crc32(f"{name} {tuple(result.shape)}".encode()) % OFFSETS
        numbers = result.as_strided(
            (result.numel(),), (1,)
        )  # in memory, whatever the order of axes
        for part in numbers.split(POOL):
            infinite = part.isinf()  # as it is on every processor, and not the difference of two
            kept = part[infinite]
            part.addcmul_(part, pool[start : start + len(part)], value=size)
            part[infinite] = kept


def _exact(name: str, *arguments, **options):
    """An operation as torch computes it, by the form of it that is not replaced."""
    operation, first = getattr(torch.ops.aten, name), arguments[0]
    if name == "dot":
        return (first * arguments[1]).sum()
    if name == "log_sigmoid_forward":
        out = {"output": first.new_empty(0), "buffer": first.new_empty(0)}
        return tuple(operation.output(first, **out))
    exact_integers = name in PRODUCTS or first.is_floating_point()
    dtype = first.dtype if exact_integers else torch.get_default_dtype()
    return operation.out(*arguments, **options, out=first.new_empty(0, dtype=dtype))


def _in_place(disturbed, first, *arguments, **options):
    return first.copy_(disturbed(first, *arguments, **options))


def pretend_a_gpu(jitter: Jitter) -> None:
    """Let the functions that would move to a GPU compute and draw as one does."""
    import vaelib

    for name in ON_A_GPU:
        function = getattr(vaelib, name)
        modules = [m for k, m in sys.modules.items() if k.split(".")[0] == "vaelib"]
        for module in modules:
            if getattr(module, name, None) is function:
                setattr(module, name, _as_on_a_gpu(function, jitter))


def _as_on_a_gpu(function, jitter: Jitter):
    @functools.wraps(function)
    def on_a_gpu(*arguments, **options):
        if options.get("device", "auto") != "auto":
            return function(*arguments, **options)
        seed = options.get("seed", getattr(options.get("settings"), "seed", 0))
        jitter.coarse = True
        elsewhere = {"seed": seed + 2**20 + jitter.seed}
        if after_epoch := options.get("after_epoch"):
            elsewhere["after_epoch"] = _away_from_home(after_epoch)
        try:
            result = function(*arguments, **options | elsewhere)
        finally:
            jitter.coarse = False
        if settings := getattr(result, "settings", None):  # which tell the seed that was asked for
            result.settings = dataclasses.replace(settings, seed=seed)
        return result

    return on_a_gpu


class Away(TorchFunctionMode):
    """Refuses what mixes the weights of a model with tensors not brought to them by `x.to(weight)`.

    Args:
        model: whose weights are taken to be on another device.
    """

    def __init__(self, model):
        super().__init__()
        self.there = {id(part): part for part in (*model.parameters(), *model.buffers())}

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        tensors = [x for x in tree_leaves((arguments, options)) if isinstance(x, torch.Tensor)]
        there = [id(tensor) in self.there for tensor in tensors]
        to_there = function is torch.Tensor.to and there[-1]
        if any(there) and not all(there) and not to_there:
            raise RuntimeError(f"{function.__name__} of tensors on the CPU and where fit trains")
        result = function(*arguments, **options)
        if to_there or function is torch.Tensor.cpu:
            result = result.clone()  # no longer, or not yet, the tensor that it was
        if any(there) and function is not torch.Tensor.cpu:
            leaves = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
            self.there |= {id(tensor): tensor for tensor in leaves}
        return result


def _away_from_home(after_epoch):
    """Called where the model is on another device than the reader's images."""

    @functools.wraps(after_epoch)
    def away(model, history):
        with Away(model):
            after_epoch(model, history)

    return away


def kernel(arguments: list[str]) -> None:
    """Be a Jupyter kernel whose torch is disturbed."""
    from ipykernel.kernelapp import launch_new_instance

    jitter = Jitter(int(os.environ[SEED]))
    if os.environ.get(GPU) == "1":
        pretend_a_gpu(jitter)
    launch_new_instance(argv=arguments)


def run(pages: list[Path], seed: int, gpu: bool = False, options=()) -> subprocess.CompletedProcess:
    """Let nbval compare the pages in disturbed kernels."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "kernels" / "jitter"
        spec.mkdir(parents=True)
        argv = [sys.executable, "-m", "tests.jitter", "kernel", "-f", "{connection_file}"]
        contents = {"argv": argv, "display_name": "jitter", "language": "python"}
        (spec / "kernel.json").write_text(json.dumps(contents))
        paths = {
            "JUPYTER_PATH": folder,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        one_thread = {"OMP_NUM_THREADS": "1"}  # a chapter; more would wait for each other's cores
        chosen = {SEED: str(seed), GPU: str(int(gpu))}
        environment = one_thread | os.environ | paths | chosen
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
        command += ["--nbval", "--nbval-kernel-name", "jitter", *options, *map(str, pages)]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )


def main(arguments: list[str]) -> int:
    """Compare the chapters under each seed, and under each as on a GPU; print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.jitter")
    parser.add_argument("pages", nargs="*", type=Path, default=notebooks())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gpu", action="store_true", help="as on a GPU only")
    parser.add_argument("--workers", default="2", help="chapters at once")
    chosen = parser.parse_args(arguments)
    runs = [(f"seed {n}", n, False) for n in range(0 if chosen.gpu else chosen.seeds)]
    runs += [(f"as on a GPU, seed {n}", n, True) for n in range(chosen.seeds)]
    failed = 0
    for name, seed, gpu in runs:
        done = run(chosen.pages, seed, gpu, ["-n", chosen.workers, "--dist", "loadfile"])
        print(f"{name}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        if done.returncode:
            failed = 1
            print(done.stdout, done.stderr)
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["kernel"]:
        kernel(sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
