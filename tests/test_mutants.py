"""`make mutants`: what a fault is, how a mutant is made, and the list of equivalent ones."""

import contextlib
import inspect
import json
import os
import signal
import sys
import types

import pytest

from book._ext import checks as pages
from tests.mutants import MODULES, TESTS, baseline, equivalent, forks, runner, source
from tests.pages import ROOT

CODE = '''"""A module."""
LEAST = 1

def outer(a, b=2, *, c: int = 3):
    """Documented."""
    if a < b and c:
        raise ValueError(f"wanted {a} below {b + 1}")
    with context("x"):
        a += 1
    return [x.abs() for x in range(a) if x != LEAST]

class Some:
    @property
    def name(self):
        return not self.other

    @lock
    def put(self, value):
        self.value = f"{value + 1} and words"
        try:
            send(value, strict=True, to="all")
        except (OSError, KeyError):
            pass
'''


def test_faults_are_small_and_in_code_alone():
    found = [mutant.name for mutant in source.Mutated("m", CODE).mutants]
    assert found == [
        "m: LEAST = 1 -> LEAST = 2",
        "m.outer: a, b=2, *, c: int=3 -> a, b=2, *, c: int=4",
        "m.outer: a, b=2, *, c: int=3 -> a, b=3, *, c: int=3",
        "m.outer: if a < b and c -> if not",
        "m.outer: a < b and c -> a < b or c",
        "m.outer: a < b and c -> c",
        "m.outer: a < b and c -> a < b",
        "m.outer: a < b and c -> a <= b and c",
        "m.outer: raise ValueError(f'wanted {a} below {b + 1}') -> nothing",
        "m.outer: with context('x') -> without",
        "m.outer: context('x') -> context('XXx')",
        "m.outer: a += 1 -> a -= 1",
        "m.outer: a += 1 -> nothing",
        "m.outer: a += 1 -> a += 2",
        "m.outer: [x.abs() for x in range(a) if x != LEAST] -> [x for x in range(a) if x != LEAST]",
        "m.outer: if x != LEAST in a comprehension -> all",
        "m.outer: for x in range(a) if x != LEAST -> for x in range(a) if x == LEAST",
        "m.Some.name: return not self.other -> return self.other",
        "m.Some.put: @lock -> without",
        "m.Some.put: self.value = f'{value + 1} and words' -> nothing",
        "m.Some.put: value + 1 -> value - 1",
        "m.Some.put: value + 1 -> value + 2",
        "m.Some.put: send(value, strict=True, to='all') -> nothing",
        "m.Some.put: send(...) without to='all'",
        "m.Some.put: send(value, strict=True, to='all') -> send(value, strict=True, to='XXall')",
        "m.Some.put: except OSError -> is not caught",
        "m.Some.put: except KeyError -> is not caught",
    ]


def test_a_mutant_is_seen_by_the_tests_that_run_its_lines():
    found = {mutant.change: mutant for mutant in source.Mutated("m", CODE).mutants}
    in_body = found["a < b and c -> a <= b and c"]
    assert (in_body.lines, in_body.function) == ((6, 6), ("outer", 4))
    default = found["a, b=2, *, c: int=3 -> a, b=3, *, c: int=3"]
    assert (default.lines, default.function) == ((4, 10), None)
    decorator = found["@lock -> without"]
    assert (decorator.lines, decorator.function) == ((17, 23), None)
    assert found["value + 1 -> value - 1"].function == ("Some.put", 17)
    assert found["LEAST = 1 -> LEAST = 2"].lines == (1, 23)


def test_a_test_that_reads_defaults_sees_their_mutants():
    def code(a=1):
        pass

    recorder = baseline.Recorder({__file__: "m"})
    with recorder.watched():
        assert inspect.signature(code).parameters["a"].default == 1
    assert recorder.lines == {("m", code.__code__.co_firstlineno)}
    recorder.lines.clear()
    inspect.signature(code)
    assert not recorder.lines


def test_the_source_is_as_it_was_after_each_mutant():
    mutated = source.Mutated("m", CODE)
    for mutant in mutated.mutants:
        mutated.compiled(mutant.number)
    again = source.Mutated("m", CODE)
    assert mutated.compiled().co_code == again.compiled().co_code
    assert mutated.mutants == again.mutants


HIDDEN = """
import contextlib

@contextlib.contextmanager
def doubled(x):
    def twice():
        return 2 * x
    yield twice()

def first(x, y=5):
    return super(x) if x is None else y + 1
"""


def test_a_function_gets_the_mutant_s_code_also_behind_a_decorator():
    mutated, module = source.Mutated("hidden", HIDDEN, "/hidden.py"), types.ModuleType("hidden")
    exec(mutated.compiled(), module.__dict__)
    functions = runner.functions_of("/hidden.py")
    numbers = {mutant.change: mutant for mutant in mutated.mutants}
    with module.doubled(3) as found:
        assert found == 6
    runner.exchange_of(mutated, numbers["return 2 * x -> return 2 / x"], functions)()
    with module.doubled(4) as found:
        assert found == 0.5
    default = numbers["x, y=5 -> x, y=6"]
    assert runner.exchange_of(mutated, default, functions) is None  # is made with the function


def test_a_fork_tells_what_came_of_it_and_how_it_died(monkeypatch, tmp_path):
    monkeypatch.setattr(forks, "FOLDER", tmp_path)
    assert forks.forked(lambda: [1, None], 10) == [1, None]
    assert forks.forked(lambda: sys.exit("enough"), 10) == "SystemExit: enough"
    assert forks.forked(lambda: os.kill(os.getpid(), signal.SIGKILL), 10) == "SIGKILL"
    with contextlib.suppress(ImportError):
        assert forks.forked(lambda: [0 for _ in iter(int, 1)], 0.5) in ("SIGXCPU", "SIGKILL")


def test_every_equivalent_mutant_is_one_that_there_is_and_has_a_reason():
    known = equivalent.reasons()
    modules = [m for m in MODULES if any(name.startswith((f"{m}:", f"{m}.")) for name in known)]
    names = {m.name for mutated in runner.sources_of(modules) for m in mutated.mutants}
    assert sorted(set(known) - names) == []
    assert all(len(reason.split()) > 3 for reason in known.values())


def test_the_modules_and_tests_that_are_named_are_there():
    package = runner.PACKAGE
    assert all(package.joinpath(*m.split(".")).with_suffix(".py").exists() for m in MODULES)
    assert all((ROOT / file).exists() for file in forks.files_of(TESTS))
    families = {f"models.{path.stem}" for path in (package / "models").glob("[!_]*.py")}
    assert families == {module for module in MODULES if module.startswith("models.")}


@pytest.mark.parametrize("changes", [["no such"], ["a -> b"]])
def test_the_list_s_format(monkeypatch, tmp_path, changes):
    path = tmp_path / "equivalent.toml"
    path.write_text(f'[["m.f"]]\nchanges = {changes}\nreason = "the same for every x"\n')
    monkeypatch.setattr(equivalent, "FILE", path)
    assert equivalent.reasons() == {f"m.f: {changes[0]}": "the same for every x"}


def test_the_page_of_checks_says_what_became_of_every_fault(monkeypatch, tmp_path):
    mutated = source.Mutated("data", CODE)
    noticed, equal, open_, changed = mutated.mutants[:4]
    rows = [
        {"name": noticed.name, "digest": noticed.digest, "killer": "a test"},
        {"name": equal.name, "digest": equal.digest, "files": {}},
        {"name": open_.name, "digest": open_.digest, "files": {}},
        {"name": changed.name, "digest": "of older code", "killer": "a test"},
    ]
    record = tmp_path / "results.jsonl"
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(runner.Results, "record", record)
    monkeypatch.setattr(runner, "sources_of", lambda modules: [mutated])
    monkeypatch.setattr(equivalent, "reasons", lambda: {equal.name: "the same"})
    (counts,) = pages.fault_counts().values()
    total = len(mutated.mutants)
    once = dict.fromkeys(["noticed", "without effect", "not noticed"], 1)
    assert counts == {"faults": total, "not tried": total - 3, **once}
