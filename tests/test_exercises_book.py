"""The checks and the book: which exercise asks for which, and which public mistakes they know."""

import re

import pytest

from tests.pages import ROOT, markdown_of, notebooks
from tests.programs_public import MUSEUM, PUBLIC
from vaelib import exercises

CHECKS = {name: getattr(exercises, name) for name in exercises.__all__ if name.startswith("check_")}
PROGRAMS = [piece for piece in MUSEUM.values() if not isinstance(piece, str)] + PUBLIC
EXERCISE = re.compile(r"```\{exercise\}.*?\n```", re.DOTALL)
NAMED = re.compile(r"vaelib\.exercises\.(check_\w+)\(f[^`]*\)`,?\s+(?:for\s+)?`f\(([^)]*)\)`")


def exercises_of(page) -> str:
    """The texts of a chapter's exercises."""
    return "\n".join(EXERCISE.findall(markdown_of(page)))


TEXTS = "\n".join(exercises_of(page) for page in notebooks())


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_is_offered_by_an_exercise_of_a_chapter(name):
    assert f"vaelib.exercises.{name}(" in TEXTS


@pytest.mark.parametrize("name", sorted(set(re.findall(r"vaelib\.exercises\.(\w+)\(", TEXTS))))
def test_what_an_exercise_offers_exists(name):
    assert name in CHECKS


@pytest.mark.parametrize(("name", "arguments"), NAMED.findall(TEXTS))
def test_an_exercise_names_the_arguments_that_the_check_gives(name, arguments):
    told = re.match(r"wanted a function of \((.*?)\)", CHECKS[name](lambda: 0).sentence)[1]
    assert arguments == told


def test_most_exercises_say_what_f_takes():
    assert len(NAMED.findall(TEXTS)) >= len(CHECKS) - 1  # the KL of a bug has a function to mend


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_is_in_the_reference_of_the_module(name):
    module = CHECKS[name].__module__
    assert f".. automodule:: {module}\n   :members:" in (ROOT / "book" / "api.md").read_text()


def test_each_piece_of_the_museum_has_a_check_or_a_reason():
    labels = re.findall(r":label: (museum-\w+)", markdown_of(ROOT / "book" / "wrong.ipynb"))
    assert list(MUSEUM) == labels
    assert len(PROGRAMS) - len(PUBLIC) >= len(labels) - 5


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_mistakes_of_public_code_are_told(number):
    check, program, words = PROGRAMS[number]
    answer = check(program)
    assert not answer
    assert words in repr(answer), answer
    assert "\n" not in repr(answer)
