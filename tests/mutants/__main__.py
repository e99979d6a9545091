"""`python -m tests.mutants` runs the unit tests on mutants of the shared module and counts them.

Given the names of modules, such as `objectives models.base`, it takes these alone, one on each core
at a time. What it has found is kept in `_build/mutants`, so that it goes on where it was cut off,
and in the end in `results.jsonl`; a mutant is asked again when its function has changed or, if no
test has noticed it, when one of those that run its lines has. The last lines are the counts and
every survivor, with the reason why it is equivalent, from `equivalent.toml`. One without a reason
is a hole in the tests, and an error.
"""

import multiprocessing
import os
import sys

from tests.mutants import MODULES
from tests.mutants.baseline import Baseline
from tests.mutants.equivalent import reasons
from tests.mutants.forks import Job, prepare
from tests.mutants.runner import Results, run, sources_of
from tests.mutants.source import Mutated

COLUMNS = ("module", "made", "noticed", "equivalent", "open", "not run")


def main(names: list[str]) -> int:
    """Run what is to be run and report."""
    unknown = sorted(set(names) - set(MODULES))
    if unknown:
        raise SystemExit(f"wanted modules of {', '.join(MODULES)}, got {', '.join(unknown)}")
    prepare()
    sources = sources_of(MODULES)
    baseline = Baseline(sources)
    try:
        run_all([s for s in sources if s.module in (names or MODULES)], baseline)
    finally:
        Results().keep(sources)
    return report(sources)


def run_all(sources: list[Mutated], baseline: Baseline) -> None:
    """Run the modules side by side, one on each core, the longest first."""
    jobs, left = range(os.cpu_count() or 1), multiprocessing.Value("i", 0)
    sources = sorted(sources, key=lambda source: -len(source.mutants))

    def work(number: int) -> None:
        Job.take(number)
        while (index := following()) < len(sources):
            run(sources[index], baseline)

    def following() -> int:
        with left.get_lock():
            left.value += 1
            return left.value - 1

    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=(number,)) for number in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process of the run failed; what it said is above")


def report(sources: list[Mutated]) -> int:
    """Print the counts and the survivors: 1 if one is open, was not run, or needs no reason."""
    results, known = Results(), reasons()
    rows, told, wrong = [], [], []
    for source in sources:
        counts = dict.fromkeys(COLUMNS[2:], 0)
        for mutant in source.mutants:
            reason = known.pop(mutant.name, None)
            if results.killer(mutant):
                counts["noticed"] += 1
                if reason:
                    wrong.append(f"noticed by {results.killer(mutant)}: {mutant.name}")
            elif results.passed(mutant) is None:
                counts["not run"] += 1
            elif reason:
                counts["equivalent"] += 1
                told.append(f"{mutant.name}\n    {reason}")
            else:
                counts["open"] += 1
                wrong.append(f"open: {mutant.name}")
        rows.append((source.module, len(source.mutants), *counts.values()))
    wrong += [f"is no mutant (any more): {name}" for name in known]
    totals = ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))
    print("equivalent mutants, which no test can notice:", *told, sep="\n")
    print(*wrong, sep="\n")
    for row in (COLUMNS, *rows, totals):
        print(f"{row[0]:28}" + "".join(f"{cell:>12}" for cell in row[1:]))
    return int(bool(wrong or totals[-1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
