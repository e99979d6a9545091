"""Programs that behave badly, and odd ones that are right: nothing is left behind by either."""

import gc
import random
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from tests.programs import RIGHT
from tests.programs_odd import ODD
from tests.programs_strange import CHANGES, KL, STRANGE, changing, kl
from vaelib import exercises
from vaelib.exercises import running
from vaelib.exercises.comparing import Exercise

LIMIT = 2.0  # seconds that a check may take
MODULES = {getattr(exercises, name).__module__ for name in exercises.__all__}
REFERENCES = {  # a right program of each exercise, by module and name
    f"{module}.{name}": exercise
    for module in sorted(MODULES)
    for name, exercise in vars(sys.modules[module]).items()
    if isinstance(exercise, Exercise)
}


@pytest.fixture(scope="module", autouse=True)
def imported():
    """What torch imports at the first step of an optimizer, which is not the time of a check."""
    exercises.check_training_step(lambda loss, optimizer, batch: optimizer.step())
    gc.collect()
    gc.freeze()  # so that what other files have left is not looked through again and again
    yield
    gc.unfreeze()


def state() -> list:
    """What a process has once, and what a check must leave as it is."""
    return [
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_rng_state().tolist(),
        torch.get_default_device(),
        torch.is_anomaly_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        str(np.random.get_state()),  # noqa: NPY002
        random.getstate(),
        sys.getrecursionlimit(),
        list(warnings.filters),
        sys.stdout,
        sys.stderr,
    ]


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_a_bad_program_is_answered_in_one_sentence(number, capsys):
    check, program, words = STRANGE[number]
    before, start = state(), time.monotonic()
    answer = check(program)
    assert time.monotonic() - start < 5 * running.SECONDS
    assert state() == before
    assert isinstance(answer, exercises.Answer)
    assert not answer
    assert words in answer.sentence, answer
    assert "\n" not in repr(answer)
    assert len(answer.sentence) < 400
    gc.collect()  # a coroutine that nobody closed complains when it goes, which is an error here
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_program_that_is_right_passes(number):
    check, program = ODD[number]
    before = state()
    answer = check(program)
    assert answer, answer
    assert state() == before


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_program_changes_for_all_is_as_it_was_afterwards(name):
    before = state()
    assert KL(changing(CHANGES[name])) or name in ("default device", "warnings")
    assert state() == before


@pytest.mark.parametrize("gradients", [True, False])
def test_a_reader_has_changed_torch_before(gradients):
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        with torch.set_grad_enabled(gradients), torch.inference_mode(not gradients):
            before = state()
            assert KL(kl)
            assert exercises.check_reparameterize(
                lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn_like(mu)
            )
            assert state() == before
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)


def test_prints_of_a_program_reach_the_reader(capsys):
    assert KL(lambda mu, log_var: print("here") or kl(mu, log_var))
    assert "here" in capsys.readouterr().out


def test_a_reader_who_interrupts_a_check_ends_its_thread(monkeypatch):
    before = threading.active_count()

    def interrupted(self, timeout):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(running._Call, "join", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        KL(lambda mu, log_var: [0 for _ in iter(int, 1)])
    for _ in range(50):
        if threading.active_count() == before:
            break
        time.sleep(0.1)
    assert threading.active_count() == before


def test_tables_are_as_long_as_promised():
    assert len(STRANGE) >= 30
    assert len(ODD) >= 15


def test_an_import_within_a_program_is_not_counted_as_its_time(tmp_path, monkeypatch):
    """torch imports much at some first calls, which on a busy machine takes longer than a check."""
    (tmp_path / "slow_to_come.py").write_text(
        f"import time\nfor _ in range(30):\n    time.sleep({running.SECONDS / 20})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def program(mu, log_var):
        import slow_to_come  # noqa: F401

        return kl(mu, log_var)

    assert KL(program)


def timed(check, *arguments) -> float:
    """The least processor time of three tries: a first call may load what torch imports late."""
    tries = []
    for _ in range(3):
        start = time.process_time()
        assert check(*arguments)
        tries.append(time.process_time() - start)
    return min(tries)


@pytest.mark.parametrize("number", range(len(RIGHT + ODD)))
def test_a_right_program_is_checked_within_two_seconds_of_processor_time(number):
    assert timed(*(RIGHT + ODD)[number]) < LIMIT


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_is_checked_within_two_seconds_of_processor_time(name):
    exercise = REFERENCES[name]
    assert timed(exercise.check, exercise.reference) < LIMIT


def test_each_check_is_asked_for_its_processor_time():
    asked = {check for check, _ in RIGHT + ODD}
    for name in exercises.__all__:
        check = getattr(exercises, name)
        assert check in asked or not name.startswith("check_") or uses(check) & set(REFERENCES)


def uses(check) -> set[str]:
    """The exercises that a check asks, as module and name."""
    return {f"{check.__module__}.{name}" for name in check.__code__.co_names}
