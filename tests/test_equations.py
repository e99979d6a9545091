"""Every labelled equation is evaluated as it is printed, and a wrong one would be noticed."""

import importlib
from collections import Counter
from pathlib import Path

import pytest

from book._checks.check import Check
from book._checks.equivalent import EQUIVALENT, is_equivalent
from book._checks.mutants import mutants
from book._checks.printed import equations
from book._checks.tex import NotAnExpression
from tests.pages import ROOT, chapters


def checks_of(page: Path) -> list[Check]:
    try:
        return importlib.import_module(f"book._checks.{page.stem}").CHECKS
    except ModuleNotFoundError:
        return []


CHECKS = [check for page in chapters() for check in checks_of(page)]
PRINTED = {label: tex for page in chapters() for label, tex in equations(page.stem)}
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.label)


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_labelled_equations_and_checks_are_the_same_in_order(page):
    labels = [label for label, _ in equations(page.stem)]
    assert None not in labels, "a displayed equation has no label"
    assert labels == [check.label for check in checks_of(page)]


def test_labels_are_unique():
    labels = [check.label for check in CHECKS]
    assert len(labels) == len(set(labels))


@each_check
def test_the_printed_line_holds(check):
    assert check.failure(PRINTED[check.label]) is None


def noticed(check: Check, tex: str) -> str:
    """How a wrong line is noticed: by its value, or for being no mathematics; "" if it is not."""
    try:
        return "by its value" if check.failure(tex) else ""
    except NotAnExpression:
        return "for it is no expression"


@pytest.mark.parametrize(
    ("label", "printed", "wrong"),
    [
        ("autoencoder-loss", r"- x_i^{(n)} \log", r"- (x_i^{(n)})^2 \log"),
        ("autoencoder-empty", r"> \rho", r"\ge \rho"),
        ("elbo-squared-error", r"{2 s^2}", r"{(P - 1) s^2}"),
        ("elbo-beta", r"\frac{P}{2 s^2}", r"\frac{P}{(P - 1) s^2}"),
        ("elbo-gap", r"\frac{1}{2}", r"\frac{1}{D}"),
        ("elbo-optimum", r"\frac{1}{P - D}", r"\frac{1}{D + 1}"),
        ("elbo-optimum", r"\right)^{1/2} R", r"\right)^{1/2}"),
        ("reparameterization-budget", r"\frac{1}{B}", r"\frac{1}{K - 1}"),
        ("kl-two-gaussians", r"(\mu_q - \mu_p)^2", r"(\mu_q + \mu_p)^2"),
        ("latent-loss", r"\big\| x^{(n)} - \hat{x}(z) \big\|^2", r"\big\| x^{(n)} \big\|^2"),
        ("latent-gaussian", r"2\,(\sigma^{(n)})^2", r"2\,\sigma^{(n)}"),
        ("evaluating-bias", r"K \operatorname{Var}_q(\log", r"K^2 \operatorname{Var}_q(\log"),
    ],
)
def test_errors_that_were_once_overlooked_are_noticed(label, printed, wrong):
    """By their values, at sizes and images at which they are not right by chance."""
    (check,) = (check for check in CHECKS if check.label == label)
    assert printed in PRINTED[label]
    assert noticed(check, PRINTED[label].replace(printed, wrong, 1)) == "by its value"


@pytest.mark.slow
@each_check
def test_no_mutant_of_the_printed_line_holds(check):
    wrong = mutants(PRINTED[check.label])
    how = {mutant: noticed(check, mutant.tex) for mutant in wrong}
    left = [mutant for mutant in wrong if not how[mutant]]
    assert left == [mutant for mutant in wrong if is_equivalent(check.label, mutant.tex)]
    assert len(left) >= len(EQUIVALENT.get(check.label, {})), "a reason for no mutant"
    assert Counter(how.values())["by its value"] > len(wrong) / 4


@pytest.mark.parametrize(
    "path", sorted((ROOT / "book" / "_checks").glob("*.py")), ids=lambda path: path.stem
)
def test_a_file_of_checks_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 320
