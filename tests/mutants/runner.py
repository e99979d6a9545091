"""Runs the tests on mutants and keeps what became of each.

A mutant within a function is made where the tests have been collected already, by giving the
function another code; any other by importing the package anew, with one of its files changed. Each
has a process of its own, a fork, for torch takes seconds to import.
"""

import gc
import importlib.machinery
import importlib.util
import json
import os
from collections import Counter
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutants import TESTS
from tests.mutants.baseline import Baseline, Test
from tests.mutants.forks import FOLDER, Session, forked
from tests.mutants.source import Mutant, Mutated

PACKAGE = Path(importlib.util.find_spec("vaelib").origin).parent


def sources_of(modules) -> list[Mutated]:
    """Modules of the package with their mutants."""
    paths = [PACKAGE.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    return [Mutated(m, path.read_text(), str(path)) for m, path in zip(modules, paths, strict=True)]


class Results:
    """What became of each mutant: in a file that grows by a line with each, and in the record.

    The record, `results.jsonl` beside this file, travels with the repository, so that another
    machine goes on where this one was cut off.

    Args:
        local: whether to read the file of this machine, too, and not the record alone.
    """

    record = Path(__file__).with_name("results.jsonl")

    def __init__(self, local: bool = True):
        self.path = FOLDER / self.record.name
        self._rows = {}
        for path in (self.record, self.path) if local else (self.record,):
            lines = path.read_text().splitlines() if path.exists() else []
            self._rows |= {row["name"]: row for row in map(json.loads, lines)}

    def add(self, mutant: Mutant, killer: str | None, files: dict[str, str]) -> None:
        """Note the test that noticed a mutant, or with None the files of those that did not."""
        row = {"name": mutant.name, "digest": mutant.digest}
        row |= {"killer": killer} if killer else {"files": files}
        self._rows[mutant.name] = row
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def keep(self, sources: list[Mutated]) -> None:
        """Write what is known of the mutants that there are to the record."""
        known = [self._row(mutant) for source in sources for mutant in source.mutants]
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in known if row]
        part = self.record.with_suffix(".part")
        part.write_text("".join(lines))
        part.replace(self.record)

    def killer(self, mutant: Mutant) -> str | None:
        """The test that noticed it, which is trusted as long as the function stays the same."""
        return self._row(mutant).get("killer")

    def passed(self, mutant: Mutant) -> dict[str, str] | None:
        """The files of tests, with their digests, that did not notice it; None if it never ran."""
        return self._row(mutant).get("files")

    def killers(self, mutants: list[Mutant]) -> Counter:
        """How many of these mutants each test noticed."""
        return Counter(filter(None, map(self.killer, mutants)))

    def _row(self, mutant: Mutant) -> dict:
        row = self._rows.get(mutant.name, {})
        return row if row.get("digest") == mutant.digest else {}


def run(source: Mutated, baseline: Baseline) -> None:
    """Run the tests on all mutants of a module of which it is not known that they notice them."""

    def loop(session, items):
        functions = functions_of(source.path)
        gc.collect()
        gc.freeze()  # so that a fork copies little
        left, results = [], Results()
        for mutant in _open(source, baseline, results):
            exchange = exchange_of(source, mutant, functions)
            if exchange is None:
                left.append(mutant.number)
                continue

            def work(tests, exchange=exchange):
                exchange()
                return session.first_failure([items[test.name] for test in tests])

            examine(source, mutant, baseline, results, work)
        return left

    if not _open(source, baseline, Results()):
        return
    left = forked(lambda: Session(TESTS, loop).answer, 10**6)
    if not isinstance(left, list):
        raise SystemExit(f"{source.module}: {left}")
    results = Results()
    for number in left:
        anew = partial(imported_anew, source, number)
        examine(source, source.mutants[number], baseline, results, anew)


def _open(source: Mutated, baseline: Baseline, results: Results) -> list[Mutant]:
    """The mutants that no test is known to notice, and that some test has not seen yet."""
    found = []
    for mutant in source.mutants:
        passed = results.passed(mutant)
        files = {test.file: baseline.digests[test.file] for test in baseline.of(mutant, Counter())}
        seen = passed is not None and files.items() <= passed.items()
        if not seen and not results.killer(mutant):
            found.append(mutant)
    return found


def examine(source: Mutated, mutant: Mutant, baseline: Baseline, results: Results, work) -> None:
    """Run the tests that have not seen a mutant yet, by `work`, and keep what came of it."""
    neighbours = [other for other in source.mutants if other.scope == mutant.scope]
    tests, passed = baseline.of(mutant, results.killers(neighbours)), results.passed(mutant) or {}
    tests = [test for test in tests if passed.get(test.file) != baseline.digests[test.file]]
    seconds = 20 + 3 * sum(test.seconds for test in tests)
    killer = forked(lambda: work(tests), seconds) if tests else None
    files = {test.file: baseline.digests[test.file] for test in tests}
    results.add(mutant, killer, passed | files)
    if not killer:
        print(f"survives: {mutant.name}", flush=True)


def functions_of(path: str) -> dict[tuple[str, int], list[FunctionType]]:
    """The functions of a file that are in memory, by their names and first lines."""
    found = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename == path:
            code = thing.__code__
            found.setdefault((code.co_qualname, code.co_firstlineno), []).append(thing)
    return found


def exchange_of(source: Mutated, mutant: Mutant, functions: dict):
    """What gives a mutant's function its code; None if that takes a new import."""
    old = functions.get(mutant.function, [])
    try:
        new = code_in(source.compiled(mutant.number), mutant.function)
    except SyntaxError:
        new = None
    if new is None or not old or any(f.__code__.co_freevars != new.co_freevars for f in old):
        return None

    def exchange() -> None:
        for function in old:
            function.__code__ = new

    return exchange


def code_in(code: CodeType, wanted: tuple[str, int] | None) -> CodeType | None:
    """The code of a function, by its name and first line, in that of its module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if (constant.co_qualname, constant.co_firstlineno) == wanted:
                return constant
            if (found := code_in(constant, wanted)) is not None:
                return found
    return None


def imported_anew(source: Mutated, number: int, tests: list[Test]) -> str | None:
    """The first test that fails where the package is imported with a mutant."""
    loader = importlib.machinery.SourceFileLoader
    usual = loader.get_code

    def get_code(self, name):
        changed = os.path.realpath(self.path) == os.path.realpath(source.path)
        return source.compiled(number) if changed else usual(self, name)

    def loop(session, items):
        if any(test.name not in items for test in tests):
            return "the tests have other names"
        return session.first_failure([items[test.name] for test in tests])

    loader.get_code = get_code
    return Session(sorted({test.file for test in tests}), loop).answer
