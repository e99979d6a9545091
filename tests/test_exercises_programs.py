"""Whatever a program does, a check answers in one sentence, in time, and leaves torch as it was."""

import contextlib
import threading
import time

import numpy as np
import pytest
import torch

from vaelib import exercises
from vaelib.exercises import running


@pytest.fixture(scope="module", autouse=True)
def imported():
    """What torch imports at the first step of an optimizer, which is not the time of a check."""
    exercises.check_training_step(lambda loss, optimizer, batch: optimizer.step())


CHECKS = {name: getattr(exercises, name) for name in exercises.__all__ if name.startswith("check_")}


def endless(*arguments):
    while True:
        pass


def endless_that_catches(*arguments):
    while True:
        with contextlib.suppress(Exception):
            sum(range(100))


def deep(*arguments):
    return deep(*arguments)


def leaving(*arguments):
    raise SystemExit(3)


class Strange:
    def __repr__(self):
        raise RuntimeError("no text")


BEHAVIOURS = {
    "raises": (lambda *a: 1 / 0, "it raises ZeroDivisionError: division by zero"),
    "raises lines": (lambda *a: torch.zeros(2) @ torch.zeros(3), "it raises RuntimeError"),
    "exits": (leaving, "it raises SystemExit: 3"),
    "recurs": (deep, "it raises RecursionError"),
    "nothing": (lambda *a: None, "returns nothing"),
    "list": (lambda *a: [1.0, 2.0], "returns a list"),
    "tuple": (lambda *a: (torch.ones(3), 1), "returns a tuple"),
    "dict": (lambda *a: {"loss": 1}, "returns a dict"),
    "text": (lambda *a: "0.5", "returns a str"),
    "object": (lambda *a: Strange(), "Strange"),
    "NaN": (lambda *a: float("nan"), ""),
    "infinite": (lambda *a: torch.full((4,), torch.inf), ""),
    "a number": (lambda *a: 3.7, ""),
    "no axes": (lambda *a: torch.tensor(1.0), ""),
    "empty": (lambda *a: torch.zeros(0), ""),
    "whole numbers": (lambda *a: torch.ones(4, dtype=torch.int64), ""),
    "half": (lambda *a: torch.ones(4, 3, dtype=torch.float16), ""),
    "truth": (lambda *a: torch.ones(4, dtype=torch.bool), ""),
    "complex": (lambda *a: torch.ones(4, dtype=torch.complex64), ""),
    "meta": (lambda *a: torch.ones(4, device="meta"), ""),
    "sparse": (lambda *a: torch.eye(4).to_sparse(), ""),
    "array of objects": (lambda *a: np.array([None, "x"], dtype=object), ""),
    "a function": (lambda *a: len, ""),
}
LOSSES = {"check_loss", "check_training_step"}  # what they are given or give is not a tensor


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("name", CHECKS)
def test_whatever_a_program_gives_is_answered_in_one_sentence(name, behaviour):
    program, words = BEHAVIOURS[behaviour]
    start = time.monotonic()
    answer = CHECKS[name](program)
    assert isinstance(answer, exercises.Answer)
    assert not answer
    assert "\n" not in repr(answer)
    assert len(answer.sentence) < 400
    assert "object at 0x" not in repr(answer)
    if name not in LOSSES:
        assert words in answer.sentence
    assert time.monotonic() - start < 5 * running.SECONDS


@pytest.mark.parametrize("program", [endless, endless_that_catches])
@pytest.mark.parametrize("name", ["check_closed_form_kl", "check_loss", "check_training_step"])
def test_a_loop_without_end_is_ended(name, program):
    before = threading.active_count()
    answer = CHECKS[name](program)
    assert "not done after 1.2 seconds" in answer.sentence
    for _ in range(50):
        if threading.active_count() == before:
            break
        time.sleep(0.1)
    assert threading.active_count() == before


def test_one_long_call_is_not_waited_for():
    start = time.process_time()
    answer = exercises.check_best_sigma(lambda x, y: time.sleep(4))
    assert "not done after" in answer.sentence
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("given", [torch.ones(3), None, 3.0, "kl"])
def test_what_is_no_function_is_named(name, given):
    answer = CHECKS[name](given)
    assert not answer
    assert "wanted a function" in answer.sentence


@pytest.mark.parametrize("name", CHECKS)
def test_a_function_of_other_arguments_is_told_which(name):
    for program in (lambda: 1, lambda a, b, c, d, e, f: 1, lambda *, other: 1):
        assert "wanted a function of (" in CHECKS[name](program).sentence


def in_place(mu, log_var):
    log_var.exp_()
    return 0.5 * (mu**2 + log_var - 1 - log_var.log()).sum(-1)


def test_a_program_that_changes_its_arguments_is_told_so():
    assert (
        "changes its argument log_var in place" in exercises.check_closed_form_kl(in_place).sentence
    )
    assert exercises.check_closed_form_kl(  # and the next one gets them as they were
        lambda mu, log_var: 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(-1)
    )


def test_a_check_leaves_torchs_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with torch.no_grad():
        assert exercises.check_reparameterize(
            lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn_like(mu)
        )
        for name, check in CHECKS.items():
            assert not check(lambda *a: torch.rand(3)), name
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(2), expected)


def test_a_program_under_no_grad_of_its_own_is_told_so():
    @torch.no_grad()
    def kl(mu, log_var):
        return 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(-1)

    assert "no gradient reaches mu and log_var" in exercises.check_closed_form_kl(kl).sentence


def test_float32_alone_is_tried_too():
    def kl(mu, log_var):
        half = torch.tensor(0.5, dtype=torch.float64)
        return (half.expand(mu.shape[1]) * (mu**2 + log_var.exp() - 1 - log_var)) @ torch.ones(
            mu.shape[1], dtype=torch.float64
        )

    assert exercises.check_closed_form_kl(kl)
    assert (
        "it raises"
        in exercises.check_closed_form_kl(
            lambda mu, log_var: (
                (0.5 * (mu**2 + log_var.exp() - 1 - log_var))
                @ torch.ones(mu.shape[1], dtype=torch.float64)
            )
        ).sentence
    )
