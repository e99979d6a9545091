"""Programs of readers: each wrong one gets the diagnosis that names it, unusual right ones pass."""

import doctest
import re

import pytest
import torch

from tests.pages import notebooks, read
from tests.programs import RIGHT, WRONG, kl_loss
from vaelib import exercises
from vaelib.exercises import (
    bounds,
    comparing,
    divergences,
    draws,
    images,
    latents,
    likelihoods,
    losses,
    networks,
    results,
    sampling,
)

MODULES = (*(bounds, divergences, draws, images, latents, likelihoods, losses, networks, sampling),)
EXERCISES = {
    f"{module.__name__.split('.')[-1]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, comparing.Exercise)
}


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_programs_are_told_their_mistake(number):
    check, program, words = WRONG[number]
    answer = check(program)
    assert not answer
    assert words in repr(answer), answer
    assert repr(answer).startswith("Not yet: ")
    assert "\n" not in repr(answer)


@pytest.mark.parametrize("number", range(len(RIGHT)))
def test_unusual_right_programs_pass(number):
    check, program = RIGHT[number]
    answer = check(program)
    assert answer, answer
    assert repr(answer).startswith("Right: ")


@pytest.mark.parametrize("name", EXERCISES)
def test_reference_passes_and_each_mistake_is_told_from_all_others(name):
    exercise = EXERCISES[name]
    for right in (exercise.reference, *exercise.others):
        assert exercise.check(right)
    for sentence, wrong in exercise.mistakes.items():
        assert repr(exercise.check(wrong)) == f"Not yet: {sentence}"


@pytest.mark.parametrize("name", EXERCISES)
def test_a_result_that_is_nan_everywhere_is_no_mistake_with_a_name(name):
    exercise = EXERCISES[name]
    program = (
        f"lambda {', '.join(exercise.names)}: "
        f"torch.nan * as_tensor(reference({', '.join(exercise.names)}))"
    )
    known = {"torch": torch, "as_tensor": results.as_tensor, "reference": exercise.reference}
    assert "numbers that are NaN" in exercise.check(eval(program, known)).sentence


@pytest.mark.parametrize("name", EXERCISES)
def test_axes_of_an_exercise_have_different_sizes(name):
    """A sum over the wrong axis would not be seen in a square."""
    for case in EXERCISES[name].cases():
        for each in case:
            if isinstance(each, torch.Tensor) and name != "bounds.MUTUAL":
                assert len(set(each.shape)) == each.ndim


@pytest.mark.parametrize("text", networks.STEPS)
def test_each_wrong_step_is_told_from_all_others(text):
    assert repr(exercises.check_training_step(networks.STEPS[text])) == f"Not yet: {text}"


def test_tables_are_as_long_as_promised():
    assert len(WRONG) >= 40
    assert len(RIGHT) >= 15
    checks = {name for name in exercises.__all__ if name.startswith("check_")}
    assert len(checks) >= 15
    assert {name for name in checks if getattr(exercises, name) in {case[0] for case in WRONG}} >= {
        "check_closed_form_kl",
        "check_reparameterize",
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_of_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_a_kl_of_something_else_is_a_callers_mistake():
    with pytest.raises(ValueError, match="wanted second as log_var or sigma, got 'std'"):
        exercises.check_closed_form_kl(kl_loss, second="std")


def solved(page) -> dict[str, tuple[set[str], set[str]]]:
    """Of each exercise, the checks that it offers and those that its solution asserts to pass."""
    passes = re.compile(r"^\s*assert (?:\w+\.)*(check_\w+)\(", re.MULTILINE)
    found, label = {}, None
    for cell in read(page).cells:
        if cell.cell_type == "code":
            if label:
                found[label][1].update(passes.findall(cell.source))
            continue
        parts = re.split(r"^```\{(exercise|solution-start|solution-end)\}", cell.source, flags=re.M)
        for kind, text in zip(parts[1::2], parts[2::2], strict=True):
            if kind == "exercise":
                name = re.search(r":label: (\S+)", text)[1]
                found[name] = set(re.findall(r"exercises\.(check_\w+)", text)), set()
            label = text.split()[0] if kind == "solution-start" else None
    return found


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_each_solution_passes_the_checks_that_its_exercise_offers(page):
    exercises_here = solved(page)
    assert exercises_here
    for name, (offered, called) in exercises_here.items():
        assert offered <= called, name
