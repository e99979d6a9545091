"""The regime of the stored outputs and of the chapters: see CONTRIBUTING.md."""

import ast
import importlib.util
import re
import subprocess
import sys

import nbformat
import pytest

from tests.pages import ROOT, chapters, code_cells, markdown_of, notebooks, read
from tests.tracing import untraced

MEGABYTE = 1_000_000
MIME_TYPES = {"text/plain", "text/html", "image/png", "application/papermill.record/text/plain"}
UNSTABLE = {
    "an address": r"0x[0-9a-f]{6,}|https?://",
    "a path": r"(?<![\w.])(/(home|root|tmp|usr|work|Users)/|[A-Z]:\\)",
    "a time": r"\d+:\d\d:\d\d|\b\d+(\.\d+)? ?(ms|it/s|s/it|seconds|minutes)\b",
    "a progress bar": r"\d+%\|",
}
MATH_OR_CODE = re.compile(
    r"\$\$.+?\$\$|(?<!\\)\$.+?\$|```\{(?:figure|checks).+?```|`[^`]*`|\{[\w:]+\}`[^`]*`|\]\([^)]*\)",
    re.DOTALL,
)

each_notebook = pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
each_page = pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)


def outputs(page):
    return [output for cell in code_cells(page) for output in cell.outputs]


def texts(page):
    """Everything that a notebook stores as text and nbval compares."""
    for output in outputs(page):
        yield output.get("text", "")
        yield from (v for k, v in output.get("data", {}).items() if k.startswith("text/"))


def test_every_notebook_is_in_the_table_of_contents():
    assert sorted(notebooks()) == sorted((ROOT / "book").glob("*.ipynb"))


@each_notebook
def test_cells_were_run_once_from_top_to_bottom(page):
    counts = [cell.execution_count for cell in code_cells(page)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_cell_failed_or_warned(page):
    bad = [o for o in outputs(page) if o.output_type == "error" or o.get("name") == "stderr"]
    assert bad == []


@each_notebook
def test_outputs_are_text_or_png(page):
    assert {mime for output in outputs(page) for mime in output.get("data", {})} <= MIME_TYPES


@each_notebook
@pytest.mark.parametrize("kind", UNSTABLE)
def test_no_output_changes_from_run_to_run(page, kind):
    found = [match.group() for text in texts(page) for match in re.finditer(UNSTABLE[kind], text)]
    assert found == []


@each_notebook
def test_no_output_is_left_out_of_the_comparison(page):
    for cell in code_cells(page):
        assert not [tag for tag in cell.metadata.get("tags", []) if "nbval" in tag]
        assert "NBVAL_" not in cell.source
        assert "%%capture" not in cell.source


@each_notebook
def test_every_code_cell_leads_to_a_compared_output_or_an_assertion(page):
    assert untraced(code_cells(page)) == []


@each_notebook
def test_chapter_imports_vaelib(page):
    modules = {
        alias.name
        for cell in code_cells(page)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "vaelib" in modules


@each_notebook
def test_notebook_is_small_and_normalised(page):
    assert page.stat().st_size < 1.5 * MEGABYTE
    assert read(page).metadata == execute().METADATA
    assert page.read_text() == nbformat.writes(read(page)) + "\n"


@each_notebook
def test_code_comes_in_small_pieces(page):
    assert [cell.source for cell in code_cells(page) if len(cell.source.splitlines()) > 15] == []


@each_notebook
def test_every_figure_has_its_alt_text_where_each_reader_looks(page):
    for cell in code_cells(page):
        figures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        assert len(figures) <= 1, "MyST-NB has one alt text a cell"
        for figure in figures:
            alt = figure.metadata["image/png"]["alt"]
            assert len(alt) > 20
            assert figure.data["text/plain"] == cell.metadata["mystnb"]["image"]["alt"] == alt


@each_notebook
def test_chapter_has_its_parts_in_order(page):
    headings = re.findall(r"^## (.+)$", markdown_of(page), re.MULTILINE)
    assert headings[-3:] == ["Summary", "What was checked", "Exercises"]
    assert "```{checks}" in markdown_of(page)


@each_notebook
def test_every_exercise_has_a_hidden_solution(page):
    text = markdown_of(page)
    exercises = re.findall(r"```\{exercise\}.*?:label: ([\w-]+)", text, re.DOTALL)
    solutions = re.findall(r"```\{solution(?:-start)?\} ([\w-]+)\n:class: dropdown", text)
    assert exercises == solutions
    assert exercises


@each_page
def test_drawn_figures_have_alt_text(page):
    for options in re.findall(
        r"```\{(?:figure|image)\}[^\n]*\n(.*?)```", markdown_of(page), re.DOTALL
    ):
        assert re.search(r"^:alt: .{20,}$", options, re.MULTILINE), options
    assert "![](" not in markdown_of(page)


@each_notebook
def test_no_measured_number_is_typed_in_prose(page):
    prose = MATH_OR_CODE.sub(" ", markdown_of(page))
    assert re.findall(r"\d+\.\d+", prose) == []


def execute():
    spec = importlib.util.spec_from_file_location("execute", ROOT / "book" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata=execute().METADATA)


@pytest.mark.slow
def test_execute_stores_what_nbval_then_compares(tmp_path):
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook_of("value = 1", "print(value + 1)"), path)
    execute().execute(path)
    assert nbval(path) == 0
    path.write_text(path.read_text().replace('"2\\n"', '"3\\n"'))
    assert nbval(path) == 1


@pytest.mark.slow
def test_execute_keeps_a_widgets_picture_and_state_but_not_its_view(tmp_path):
    path = tmp_path / "page.ipynb"
    source = """import torch
import vaelib
images = torch.rand(5, 784, generator=torch.Generator().manual_seed(0))
vaelib.widgets.LatentExplorer(vaelib.pretrained("vae-2d"), images, torch.arange(5))"""
    nbformat.write(notebook_of(source), path)
    execute().execute(path)
    (output,) = outputs(path)
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.metadata["vaelib"]["widget"] == "LatentExplorer"
    assert nbval(path) == 0


def nbval(path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", str(path)]
    return subprocess.run(command, capture_output=True, cwd=path.parent, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "reason"),
    [("raise RuntimeError('no')", "RuntimeError"), ("import sys; sys.stderr.write('hm')", "hm")],
)
def test_execute_leaves_a_notebook_that_fails_or_warns_as_it_was(tmp_path, source, reason):
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook_of(source), path)
    before = path.read_text()
    with pytest.raises((SystemExit, Exception), match=reason):
        execute().execute(path)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["page.ipynb"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["x = 1", "y = 2", "assert x == 1"], [2]),
        (["x = []", "x.append(1)", "assert x"], []),
        (["def f():\n    assert False"], [1]),
        (["import math", "assert math.pi"], []),
        (["x = {}", "x['a'] = 1", "fill(x)", "assert x"], []),
        (["import torch", "junk = torch.zeros(3)", "assert torch.ones(1)"], [2]),
        (["def f(x):\n    return x", "never = f(2)", "assert f(1)"], [2]),
    ],
)
def test_untraced_cells_are_found(sources, expected):
    assert untraced(notebook_of(*sources).cells) == expected
