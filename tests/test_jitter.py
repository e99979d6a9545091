"""The guard of the stored digits: it disturbs what another processor would, and nbval notices."""

import contextlib
import io
import subprocess
import sys

import nbformat
import pytest
import torch

import vaelib
from tests import jitter
from tests.pages import ROOT, code_cells

pytestmark = pytest.mark.slow
SETUP = "import torch\ng = torch.Generator().manual_seed(0)\nx = torch.rand(60, 60, generator=g)"
SAME_BITS = "assert torch.equal((x @ x).exp(), (x @ x).exp())"


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, *sources)]
    return nbformat.v4.new_notebook(cells=cells)


def written(path, *sources):
    """A notebook as a kernel that is not disturbed would leave it: what its cells print here."""
    notebook, names = notebook_of(*sources), {}
    for number, cell in enumerate(notebook.cells, 1):
        cell.execution_count, printed = number, io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(cell.source, names)
        if text := printed.getvalue():
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    nbformat.write(notebook, path)
    return path


def test_a_digit_that_another_processor_would_move_is_found_and_a_chapter_holds(tmp_path):
    """One run for both, since a run starts three programs."""
    digits = "print([f'{number:.6f}' for number in (x @ x)[0]])"
    path = written(tmp_path / "page.ipynb", digits, SAME_BITS)
    done = jitter.run([path, ROOT / "book" / "elbo.ipynb"], seed=1)
    passed = 2 + len(code_cells(ROOT / "book" / "elbo.ipynb"))
    assert f"1 failed, {passed} passed" in done.stdout, done.stdout + done.stderr
    assert "outputs differ" in done.stdout


IN_A_PROCESS_OF_ITS_OWN = """
import torch
from torch.nn.functional import linear, logsigmoid
torch.manual_seed(0)
x, w = torch.randn(30, 40), torch.randn(20, 40, requires_grad=True)
def results():
    yield from (linear(x, w).detach(), x.exp(), x.T.exp(), x.abs().sigmoid_(), logsigmoid(x))
    yield from (x.abs().log(), x.softmax(1), torch.dot(x[0], x[1]), x @ x[0], x.logsumexp(0))
    (gradient,) = torch.autograd.grad(linear(x, w).square().sum(), w)
    yield gradient
exact, double = list(results()), x.double().exp()
from tests.jitter import Jitter
jitter = Jitter(0)
for before, after in zip(exact, results(), strict=True):
    error = ((after - before).abs() / before.abs().clamp(min=1)).max()
    assert 1e-7 < error < 1e-3 and after.stride() == before.stride(), error
assert all(map(torch.equal, results(), results()))
assert torch.equal(x.double().exp(), double)
assert torch.equal(torch.arange(3).exp().round(), torch.tensor([1.0, 3.0, 7.0]))
jitter.coarse = True
assert 1e-5 < ((linear(x, w) - exact[0]).abs() / exact[0].abs().clamp(min=1)).max() < 1e-3
"""


def test_products_and_functions_are_a_little_off_and_the_same_each_time():
    command = [sys.executable, "-W", "error", "-c", IN_A_PROCESS_OF_ITS_OWN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_this_process_is_not_disturbed():
    x = torch.linspace(-3, 3, 50)
    torch.testing.assert_close(x.exp(), x.double().exp().float(), rtol=3e-7, atol=0)


@pytest.mark.parametrize(
    ("use", "right"),
    [
        (lambda vae, x: vae.encode(x.to(next(vae.parameters())))[0].cpu() + x[:, :2], True),
        (lambda vae, x: vae.encode(x), False),
        (lambda vae, x: vae.encode(x.to(next(vae.parameters())))[0] + x[:, :2], False),
    ],
)
def test_on_a_gpu_a_page_has_to_bring_its_tensors_to_the_weights_and_back(use, right):
    vae, x = vaelib.VAE(16, 8, 2), torch.rand(5, 16)
    here = contextlib.nullcontext() if right else pytest.raises(RuntimeError, match="on the CPU")
    with torch.no_grad(), here, jitter.Away(vae):
        use(vae, x)
