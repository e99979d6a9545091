"""Every labelled equation has a check, and every check would notice a wrong equation."""

import importlib
import re
from pathlib import Path

import pytest

from book._checks.check import Check, mutants
from tests.pages import chapters, markdown_of

EQUATION = re.compile(r"\$\$(?P<tex>.+?)\$\$[ \t]*(?:\((?P<label>[\w-]+)\))?", re.DOTALL)


def equations_of(page: Path) -> list[tuple[str | None, str]]:
    return [(m["label"], m["tex"]) for m in EQUATION.finditer(markdown_of(page))]


def checks_of(page: Path) -> list[Check]:
    try:
        return importlib.import_module(f"book._checks.{page.stem}").CHECKS
    except ModuleNotFoundError:
        return []


CHECKS = [check for page in chapters() for check in checks_of(page)]


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_labelled_equations_and_checks_are_the_same_in_order(page):
    labels = [label for label, _ in equations_of(page)]
    assert None not in labels, "a displayed equation has no label"
    assert labels == [check.label for check in checks_of(page)]


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_a_check_is_of_the_line_that_the_page_prints(page):
    printed = {label: "".join(tex.split()) for label, tex in equations_of(page)}
    for check in checks_of(page):
        assert printed[check.label] == "".join(check.tex.split()), check.label


def test_labels_are_unique():
    labels = [check.label for check in CHECKS]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.label)
def test_equation_holds(check):
    assert check.failure() is None


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.label)
def test_no_mutant_of_the_equation_holds(check):
    perturbed = list(mutants(check))
    assert perturbed, "there is nothing in this check to perturb"
    survivors = [mutant.chains for mutant in perturbed if fails_to_notice(mutant)]
    assert survivors == []


def fails_to_notice(mutant: Check) -> bool:
    try:
        return mutant.failure() is None
    except (ArithmeticError, ValueError, RuntimeError, TypeError):
        return False  # a mutant that cannot be evaluated is noticed
