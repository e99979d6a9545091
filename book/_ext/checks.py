"""Tell the reader how each labelled equation was checked.

The directive `checks` makes a table of the checks of the page that it stands on, `check-counts`
says how many lines of which kind there are, and `check-sources` shows every check of the book. They
read `book/_checks`, the package that the tests run. `fault-counts` says how many faults of the
shared module the tests notice, from what `make mutants` wrote down.
"""

import importlib
import inspect
import json
import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"# (.+)")
KINDS = {  # of a statement, by the sharpest relation in it
    r"\le": "inequalities",
    r"\ge": "inequalities",
    "<": "conditions",
    r"\approx": "approximations",
    r"\sim": "distributions",
    "=": "equalities",
}


def module(name: str):
    """A module of `book._checks`."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"book._checks.{name}")


def checks_of(stem: str) -> list:
    """The checks of one page; none if there is no module for it."""
    if not (ROOT / "book" / "_checks" / f"{stem}.py").exists():
        return []
    return getattr(module(stem), "CHECKS", [])


def in_table(text: str) -> str:
    """Markdown as it is written in a table, where a bar ends the cell."""
    return text.replace("|", r"\|")


class Checks(SphinxDirective):
    """A table of the page's equations and how each was checked."""

    def run(self):
        stem = Path(self.env.docname).name
        for file in (ROOT / "book" / "_checks" / f"{stem}.py", Path(__file__)):
            self.env.note_dependency(str(file))
        rows = [
            f"| {{eq}}`{check.label}` | {in_table(check.how)} "
            f"| {{ref}}`check <check-{check.label}>` |"
            for check in checks_of(stem)
        ]
        return parse(
            self,
            ["| Equation | How it was checked | Code |", "|---|---|---|", *rows],
        )


def stems(env) -> list[str]:
    """The pages that have checks, in the book's order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    found = [Path(name).name for name in names if name in env.found_docs]
    return [stem for stem in found if checks_of(stem)]


def title_of(stem: str) -> str:
    """The heading of a chapter, which may be read only later than this page."""
    cells = json.loads((ROOT / "book" / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return next(found[1] for source in sources if (found := HEADING.match(source)))


class CheckCounts(SphinxDirective):
    """How many lines there are, of which kinds, and how many wrong ones were tried."""

    def run(self):
        printed = [line for stem in stems(self.env) for line in module("printed").equations(stem)]
        statements = [statement for _, tex in printed for statement in module("tex").parse(tex)]
        mutants = {label: module("mutants").mutants(tex) for label, tex in printed}
        wrong = Counter(m.change for some in mutants.values() for m in some)
        alike = sum(
            module("equivalent").is_equivalent(label, mutant.tex)
            for label, some in mutants.items()
            for mutant in some
        )
        kinds = Counter(map(kind, statements))
        said = [f"{count} {name}" for name, count in kinds.most_common()]
        tried = [f"| {change} | {count:,} |" for change, count in wrong.most_common()]
        return parse(
            self,
            [
                f"The book has {len(printed)} labelled equations. They make {len(statements)} "
                f"statements: {', '.join(said[:-1])} and {said[-1]}. All of them are evaluated as "
                "they are printed, none by a copy in another notation.",
                "",
                f"The changes make {wrong.total():,} wrong lines. {alike:,} of them are as true as "
                "the line itself, each for a reason that is written beside it; each of the others "
                "makes its test fail.",
                "",
                "| What is changed in a line | Lines |",
                "|---|---|",
                *tried,
            ],
        )


def kind(statement) -> str:
    """What a statement says."""
    if statement.kind == "range":
        return "conditions"
    relations = statement.value.split(" ") if statement.kind == "relation" else ["="]
    bounds = statement.kind == "relation" and statement.parts[0].kind == "number"
    if (
        bounds
        and relations[0] == r"\le"
        and len(relations) == 2
        and len(statement.parts[1].parts) == 0
    ):
        return "conditions"
    return next(name for relation, name in KINDS.items() if relation in relations)


class FaultCounts(SphinxDirective):
    """How many faults there are for each file of the shared module, and what became of them."""

    def run(self):
        counts = fault_counts()
        later = [name for name, count in counts.items() if count["not tried"] == count["faults"]]
        left = sum(counts.pop(name)["faults"] for name in later)
        counts["all"] = sum(counts.values(), Counter())
        cells = ((name, *(f"{count[fate]:,}" for fate in FATES)) for name, count in counts.items())
        lines = [f"| {' | '.join(row)} |" for row in cells]
        head = f"| File | {' | '.join(fate.capitalize() for fate in FATES)} |"
        rest = (
            f"Another {left:,} faults, in {', '.join(later)}, were not tried yet." if later else ""
        )
        return parse(self, [head, "|---" * (len(FATES) + 1) + "|", *lines, "", rest])


FATES = ("faults", "noticed", "without effect", "not noticed", "not tried")


def fault_counts() -> dict[str, Counter]:
    """What became of the faults of each file, as far as the file is still as it was then."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    runner = importlib.import_module("tests.mutants.runner")
    known = set(importlib.import_module("tests.mutants.equivalent").reasons())
    results = runner.Results(local=False)
    counts = {}
    for source in runner.sources_of(importlib.import_module("tests.mutants").MODULES):
        fates = [fate_of(mutant, results, known) for mutant in source.mutants]
        name = f"`{source.module.replace('.', '/')}.py`"
        counts[name] = Counter(fates) + Counter({"faults": len(fates)})
    return counts


def fate_of(mutant, results, known: set[str]) -> str:
    """What became of a fault: one of `FATES`."""
    if results.killer(mutant):
        return "noticed"
    if results.passed(mutant) is None:
        return "not tried"
    return "without effect" if mutant.name in known else "not noticed"


class CheckSources(SphinxDirective):
    """Every check of the book, as the tests run it."""

    def run(self):
        for path in sorted((ROOT / "book" / "_checks").glob("*.py")):
            self.env.note_dependency(str(path))
        return [self.section(stem) for stem in stems(self.env)]

    def section(self, stem: str) -> nodes.section:
        """The checks of one chapter, under its title."""
        section = nodes.section(ids=[f"checks-of-{stem}"])
        section += nodes.title(text=title_of(stem))
        printed = dict(module("printed").equations(stem))
        for check in checks_of(stem):
            section += parse(self, entry(check, printed[check.label]))
        return section


def entry(check, tex: str) -> list[str]:
    """One check: where its equation stands, what it says, how it is tested, and its names."""
    source = inspect.getsource(check.names).rstrip().splitlines()
    return [
        f"(check-{check.label})=",
        f"**{{eq}}`{check.label}`** {check.how}",
        "",
        ":::{dropdown} The line, and what its names stand for",
        "```latex",
        *tex.splitlines(),
        "```",
        "",
        "```python",
        *source,
        "```",
        ":::",
        "",
    ]


def parse(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """The nodes of some MyST Markdown."""
    container = nodes.container()
    source = directive.get_source_info()[0]
    directive.state.nested_parse(StringList(lines, source), directive.content_offset, container)
    return container.children


def outdated(app, env, added, changed, removed):
    """Two pages follow from all the others, so they are always read again."""
    return [name for name in ("book/checks", "book/references") if name in env.found_docs]


def setup(app):
    app.connect("env-get-outdated", outdated)
    app.add_directive("checks", Checks)
    app.add_directive("check-counts", CheckCounts)
    app.add_directive("check-sources", CheckSources)
    app.add_directive("fault-counts", FaultCounts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
