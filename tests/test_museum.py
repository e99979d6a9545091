"""The museum of `wrong.ipynb`: each exhibit asserts its symptom, and that its mend removes it.

The cells are run here with the mistake made right, and with the mend taken back: each must fail.
"""

import ast
import contextlib
import io
import re

import pytest

import vaelib
from tests.pages import ROOT, code_cells, markdown_of
from tests.tracing import asserts

PAGE = ROOT / "book" / "wrong.ipynb"
CELLS = {cell.id: cell.source for cell in code_cells(PAGE)}
LABELS = re.findall(r":label: (museum-\w+)", markdown_of(PAGE))
BEFORE = ["wrong-imports", "wrong-settings", "wrong-measured"]  # what all exhibits use
BEFORE += ["wrong-eigenvalues", "wrong-beta-table"]  # what beta = 2 costs, which one of them tells

UNDONE = {  # a label: what makes its mistake right, and what takes its mend back
    "museum-factor": (
        ("return binary", "return 784 * binary"),
        ("784 * binary", "binary"),
    ),
    "museum-latents": (
        ("kl_of(mu, log_var).mean(1)", "kl_of(mu, log_var).sum(1)"),
        ("kl_of(mu, log_var).sum(1)", "kl_of(mu, log_var).mean(1)"),
    ),
    "museum-batch": (
        ("BATCH * 784", "len(x) * 784"),
        ("effective_beta(averaged", "effective_beta(divided"),
    ),
    "museum-knob": (
        ("kl - log_p", "self.kl_coeff * kl - log_p"),
        ("(self.kl_coeff - 1) * kl", "0"),
    ),
    "museum-twice": (
        ('"the distribution", "its draw"', '("its draw",)'),
        (", outputs=OUTPUTS[:1]", ""),
    ),
    "museum-warm": (
        ("if epoch % 2 == 1:", "if epoch % 2 == 1 and len(weights) % batches == 0:"),
        (" and batch == 0", ""),
    ),
    "museum-negative": (
        (" - 0.1307) / 0.3081", ")"),
        ("inside = test[:BATCH].flatten(1).double()", "inside = normalised"),
    ),
    "museum-sign": (
        ("-torch.log", "torch.log"),
        ("-Normal(0.0, s).log_prob(errors).mean()", "loss_of(s)"),
    ),
    "museum-constant": (
        ("z.shape[1] * ", ""),
        (
            "log_normal(origin[:, :1], origin[:, :1], origin[:, :1]) * LATENTS",
            "log_normal(origin, origin, origin)",
        ),
    ),
    "museum-noise": (
        ("mu + scale * ", "mu + "),
        ("reported(1.0)", "reported(NOISE)"),
    ),
    "museum-variance": (
        ("(SLOPE * deviation(grid)) ** 2", "SLOPE**2 * deviation(grid)"),
        ("(log_var / 2).exp()", "log_var.exp()"),
    ),
    "museum-nan": (
        ("[90.0]", "[9.0]"),
        ("clamped(-30, 20)", "clamped(-30, 200)"),
    ),
    "museum-inverted": (
        ("test < uniform", "uniform < test"),
        ("uniform < test", "test < uniform"),
    ),
    "museum-sums": (
        ("-elbos[:64].sum(), -elbos[64:].sum()", "-elbos[:64].mean(), -elbos[64:].mean()"),
        ("training / 64, validation / 1000", "training, validation"),
    ),
    "museum-grid": (
        ("[-1.0, 1.0]", "[-2.0, 2.0]"),
        ("vaelib.plots.gaussian_quantiles(20)", "torch.linspace(-1, 1, 20)"),
    ),
    "museum-true": (
        ("5.726338, 5.724610", "5.728164, 5.728164"),
        ("mean.sin() * ", "mean.cos() * "),
    ),
}


def changed(name: str, old: str, new: str) -> str:
    """The source of a cell with `new` in the place of `old`."""
    assert CELLS[name].count(old) == 1, f"wanted {old!r} once in {name}"
    return CELLS[name].replace(old, new)


def run(source: str, names: dict) -> None:
    """Execute the source of a cell among some names, which it may change."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(source, names)


@pytest.fixture(scope="module")
def before() -> dict[str, dict]:
    """What the chapter has bound before each exhibit, all of which are run as they stand."""
    names, found = {"test": vaelib.mnist("test").images, "glue": lambda *a, **b: None}, {}
    for cell in BEFORE:
        run(CELLS[cell], names)
        names["glue"] = lambda *a, **b: None  # outside of Jupyter there is nowhere to show it
    for label in LABELS:
        found[label] = dict(names)
        run(CELLS[f"{label}-code"], names)
        run(CELLS[f"{label}-answer"], names)
    return found


@pytest.mark.parametrize("label", LABELS)
def test_each_answer_of_the_museum_asserts_something(label):
    assert asserts(ast.parse(CELLS[f"{label}-answer"]))


def test_each_exhibit_is_tried_without_its_mistake_and_without_its_mend():
    assert list(UNDONE) == LABELS
    assert len(LABELS) >= 16


@pytest.mark.parametrize("label", LABELS)
def test_the_symptom_is_asserted(label, before):
    names = dict(before[label])
    run(changed(f"{label}-code", *UNDONE[label][0]), names)
    with pytest.raises(AssertionError):
        run(CELLS[f"{label}-answer"], names)


@pytest.mark.parametrize("label", LABELS)
def test_that_the_mend_removes_the_symptom_is_asserted(label, before):
    names, unmended = dict(before[label]), changed(f"{label}-answer", *UNDONE[label][1])
    run(CELLS[f"{label}-code"], names)
    with pytest.raises(AssertionError):
        run(unmended, names)
