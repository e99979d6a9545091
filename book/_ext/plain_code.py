"""Turn a chapter's code cells into cells that run wherever the package is installed.

A copy holds no glue, which only fills in the page's prose. A cell that needs a package which
`vaelib` does not bring names it in its metadata, `"needs": ["thop"]`: in the copy it says so in one
sentence where the package is missing, and the cells below it run.
"""

import ast
import textwrap

from vaelib import drawings

VIEW = "application/vnd.jupyter.widget-view+json"
GLUED = "application/papermill.record/"
HIDDEN = {
    "source_hidden": {"hide-input", "hide-cell", "remove-input", "remove-cell"},
    "outputs_hidden": {"hide-output", "hide-cell", "remove-output", "remove-cell"},
}
CHECK = '''\
# This copy's own cell: it says what is missing.
import importlib.util
import sys


class Missing(Exception):
    """Something that is not installed, told in a sentence."""

    def _render_traceback_(self):
        return [str(self)]


def has(*modules):
    """Whether all of them are installed; if not, print what to do."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"This cell needs {' and '.join(missing)}, which vaelib does without:", end=" ")
        print(f"run %pip install {' '.join(missing)} here, or go on without it.")
    return not missing
'''
# Google Colab gives each reader a machine of its own, without vaelib and with nothing to lose.
INSTALL = """

if importlib.util.find_spec("vaelib") is None and "google.colab" in sys.modules:
    import subprocess

    print("Installing vaelib, which takes a minute.")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "@WHAT@"]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()
"""
ABSENT = """

if importlib.util.find_spec("vaelib") is None:
    raise Missing(
        "This chapter needs vaelib, the book's package. @WHERE@, run\\n\\n"
        f"    {sys.executable} -m pip install @WHAT@\\n\\nand restart the kernel."
    )"""


def check(requirement: str = "") -> str:
    """The code of a copy's own cell.

    Args:
        requirement: what pip finds `vaelib` by; without one it is in the book's folder.
    """
    where = "Where there is a network" if requirement else "In the book's folder"
    text = CHECK + (INSTALL if requirement else "") + ABSENT
    return text.replace("@WHERE@", where).replace("@WHAT@", requirement or ".")


def without_glue(source: str) -> str:
    """A cell's code without what only fills in the page's prose."""
    tree = ast.parse(source)
    drop = [node for body in bodies(tree) for node in body if is_glue(node)]
    drop += [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.For, ast.With, ast.If))
        and not getattr(node, "orelse", [])
        and all(is_glue(child) for child in node.body)
    ]
    found = without_lines(source, drop)
    try:
        ast.parse(found)
    except SyntaxError as error:
        raise ValueError(f"glue stands alone in a branch, which is empty then: {source}") from error
    return found


def bodies(tree: ast.AST):
    """Every list of statements."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(body := getattr(node, name, None), list):
                yield body


def is_glue(node: ast.stmt) -> bool:
    """Whether a statement imports glue or calls it."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "myst_nb"
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) == "glue"


def without_imports(source: str, modules: set[str]) -> str:
    """A cell's code without the lines that import some modules."""
    return without_lines(
        source,
        [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.Import) and {alias.name for alias in node.names} <= modules
        ],
    )


def without_lines(source: str, nodes: list[ast.stmt]) -> str:
    """A cell's code without some of its statements."""
    gone = {line for node in nodes for line in range(node.lineno, node.end_lineno + 1)}
    lines = source.split("\n")
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in gone)


def guarded(source: str, modules: list[str]) -> str:
    """A cell's code below a question whether what it needs is there."""
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    imports = "".join(f"import {name}\n" for name in modules if name in used)
    names = ", ".join(f'"{name}"' for name in modules)
    body = textwrap.indent(imports + ("\n" if imports else "") + source, "    ")
    return f"if has({names}):\n{body}"


def plain_outputs(outputs: list) -> list:
    """A cell's outputs as any Jupyter shows them: pictures and text."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if any(mime.startswith(GLUED) for mime in data):
            continue
        data.pop(VIEW, None)
        if "metadata" in output:
            output.metadata.pop("vaelib", None)
            output.metadata.pop(drawings.KEY, None)
        kept.append(output)
    return kept


def plain_cell(cell, optional: set[str]):
    """Change a code cell of a chapter into that of a copy; none if nothing is left of it.

    Args:
        cell: of a notebook.
        optional: the packages that some cell of the chapter names as its needs.
    """
    source = without_imports(without_glue(cell.source), optional).strip("\n")
    if not source:
        return None
    tags = set(cell.metadata.get("tags", []))
    hidden = {name: True for name, those in HIDDEN.items() if tags & those}
    needs = cell.metadata.get("needs")
    cell.source = guarded(source, needs) if needs else source
    cell.outputs = plain_outputs(cell.outputs)
    cell.metadata = type(cell.metadata)({"jupyter": hidden} if hidden else {})
    return cell
