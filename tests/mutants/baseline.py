"""What the tests do without a mutant: the lines that each runs, and how long it takes."""

import contextlib
import hashlib
import importlib
import inspect
import json
import sys
import time
from collections import Counter
from typing import NamedTuple

import pytest

from tests.mutants import TESTS
from tests.mutants.forks import FOLDER, Job, files_of, forked
from tests.mutants.source import Mutant, Mutated
from tests.pages import ROOT

BUDGET = 40  # seconds of tests for a mutant: others need not notice it
SIGNATURE = inspect.signature
FIRST = 5  # tests that are tried first, since they noticed most of a mutant's neighbours


class Test(NamedTuple):
    """A test, its file, its seconds, and the lines that it runs, each with its module."""

    name: str
    file: str
    seconds: float
    lines: set[tuple[str, int]]


class Recorder:
    """A plugin of pytest that notes which lines each test runs, and for how long."""

    def __init__(self, modules: dict[str, str]):
        self.modules = modules  # by the paths of their files
        self.shared = self.lines = set()  # what all tests of the file need
        self.tests, self.failed = {}, []

    def _enter(self, frame, event, argument):
        return self._line if frame.f_code.co_filename in self.modules else None

    def _line(self, frame, event, argument):
        if event == "line":
            self.lines.add((self.modules[frame.f_code.co_filename], frame.f_lineno))
        return self._line

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.lines, start = set(), time.perf_counter()
        result = yield
        self.tests[item.nodeid] = time.perf_counter() - start, sorted(self.lines)
        self.lines = self.shared
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        before = self.lines
        self.lines = before if fixturedef.scope == "function" else self.shared
        try:
            return (yield)
        finally:
            self.lines = before

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    @contextlib.contextmanager
    def watched(self):
        """Watch what is run, and whose defaults are read."""
        sys.settrace(self._enter)
        inspect.signature = self._signature
        try:
            yield
        finally:
            sys.settrace(None)
            inspect.signature = SIGNATURE

    def _signature(self, function, **options):
        """`inspect.signature`: a test that reads a function's defaults runs none of its lines."""
        code = getattr(function.__init__ if inspect.isclass(function) else function, "__code__", 0)
        if code and code.co_filename in self.modules:
            self.lines.add((self.modules[code.co_filename], code.co_firstlineno))
        return SIGNATURE(function, **options)


def record(name: str, modules: dict[str, str]) -> dict:
    """Run a file of tests and note what each does."""
    for module in modules.values():
        importlib.import_module(f"vaelib.{module}")  # what this alone runs, no test tests
    recorder = Recorder(modules)
    with recorder.watched():
        pytest.main([*Job.options(), *files_of([name])], plugins=[recorder])
    found = {"tests": recorder.tests, "shared": sorted(recorder.shared)}
    return found | {"failed": recorder.failed}


class Baseline:
    """The tests without a mutant; a file of them is run again when it or the package changed.

    Attributes:
        digests: of the files of tests, by name.
    """

    def __init__(self, sources: list[Mutated]):
        modules = {source.path: source.module for source in sources}
        package = digest_of("".join(source.text for source in sources))
        self.digests, self._tests = {}, []
        folder = FOLDER / "baseline"
        folder.mkdir(parents=True, exist_ok=True)
        for name in TESTS:
            self.digests[name] = digest_of((ROOT / files_of([name])[0]).read_text())
            key, path = f"{package} {self.digests[name]}", folder / f"{name}.json"
            found = json.loads(path.read_text()) if path.exists() else {}
            if found.get("key") != key:
                print(f"without mutants: {name}", flush=True)
                found = forked(lambda name=name: record(name, modules), 1200)
                if not isinstance(found, dict) or found["failed"]:
                    told = found if isinstance(found, str) else ", ".join(found["failed"])
                    raise SystemExit(f"wanted tests that pass without a mutant, got {told}")
                path.write_text(json.dumps(found | {"key": key}))
            shared = set(map(tuple, found["shared"]))
            for test, (seconds, lines) in found["tests"].items():
                self._tests.append(Test(test, name, seconds, shared | set(map(tuple, lines))))

    def of(self, mutant: Mutant, killers: Counter) -> list[Test]:
        """The tests that run a mutant's lines, until the budget is spent.

        First come those that noticed most of its neighbours, then the others by their files, so
        that what the tests of a file share is made once: the module's own, then the quickest first.
        """
        wanted = {(mutant.module, line) for line in range(mutant.lines[0], mutant.lines[1] + 1)}
        found = [test for test in self._tests if not wanted.isdisjoint(test.lines)]
        files = Counter()
        for test in found:
            files[test.file] += test.seconds
        likely = [test for test in found if killers[test.name]]
        likely = sorted(likely, key=lambda test: (-killers[test.name], test.seconds))[:FIRST]
        own = mutant.module.rpartition(".")[2]
        others = sorted(found, key=lambda test: (test.file != own, files[test.file], test.file))
        chosen, spent = {}, 0.0
        for test in [*likely, *others]:
            if test.name not in chosen and spent + test.seconds < BUDGET:
                chosen[test.name] = test
                spent += test.seconds
        return list(chosen.values())


def digest_of(text: str) -> str:
    """By which a changed text is known."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
