"""Tell the reader how each labelled equation was checked.

The directive `checks` makes a table of the checks of the page that it stands on, and
`check-sources` shows every check of the book. Both read `book/_checks`, the module that
the tests run.
"""

import importlib
import inspect
import sys
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]


def checks_of(stem: str) -> list:
    """The checks of one page; none if there is no module for it."""
    if not (ROOT / "book" / "_checks" / f"{stem}.py").exists():
        return []
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"book._checks.{stem}").CHECKS


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


class CheckSources(SphinxDirective):
    """Every check of the book, as the tests run it."""

    def run(self):
        lines = []
        for path in sorted((ROOT / "book" / "_checks").glob("*.py")):
            self.env.note_dependency(str(path))
        for name in sorted(self.env.found_docs):
            for check in checks_of(Path(name).name):
                lines += entry(check)
        return parse(self, lines)


def entry(check) -> list[str]:
    """One check: where its equation stands, how it is tested, its sides and their names."""
    pairs = zip(check.relations, check.chains, strict=True)
    sides = [f" {relation} ".join(chain) for relation, chain in pairs]
    source = inspect.getsource(check.names).rstrip().splitlines()
    return [
        f"(check-{check.label})=",
        f"**{{eq}}`{check.label}`** {check.how}",
        "",
        "```python",
        *sides,
        "```",
        "",
        ":::{dropdown} What the names stand for",
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
    app.add_directive("check-sources", CheckSources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
