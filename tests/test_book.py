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
from tests.typed import prose, settings_of, typed, typed_in

MEGABYTE = 1_000_000
MIME_TYPES = {"text/plain", "text/html", "image/png", "application/papermill.record/text/plain"}
UNSTABLE = {
    "an address": r"0x[0-9a-f]{6,}|https?://",
    "a path": r"(?<![\w.])(/(home|root|tmp|usr|work|Users)/|[A-Z]:\\)",
    "a time": r"\d+:\d\d:\d\d|\b\d+(\.\d+)? ?(ms|it/s|s/it|seconds|minutes)\b",
    "a progress bar": r"\d+%\|",
}
TAGS = {"hide-input", "remove-cell"}  # what the page folds, and what it leaves out
WORDS = 2800  # that a chapter may take, with its folds closed

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
    assert page.stat().st_size < 2 * MEGABYTE
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
def test_tags_are_those_that_the_page_and_the_copies_know(page):
    assert {tag for cell in read(page).cells for tag in cell.metadata.get("tags", [])} <= TAGS


@each_notebook
def test_chapter_is_short_enough_to_be_read(page):
    assert prose.reading(read(page).cells).words <= WORDS


def markdown_cells(*sources):
    return [nbformat.v4.new_markdown_cell(source, id=f"c{n}") for n, source in enumerate(sources)]


@pytest.mark.parametrize(
    ("sources", "words", "equations"),
    [
        (["# One title\n\nTwo *more words*, `and some code`."], 5, 0),
        (["The $x$ of {doc}`elbo` is {glue:text}`a` nats {cite:p}`b,c`, by {eq}`d`."], 8, 0),
        (["See {ref}`these three words <place>` and [two words](https://example.org/a.b)."], 7, 0),
        (["$$\nx\n$$ (a)\nin words\n\n```{math}\n:label: b\ny\n```"], 2, 2),
        (["(place)=\n% a comment\n\n```python\nsome code\n```\n\nword"], 1, 0),
        (["```{figure} a.svg\n:alt: not this\n\nA caption.\n```"], 2, 0),
        (["```{checks}\n```\n\n```{note}\nIt counts.\n$$ x $$\n```"], 2, 1),
        (["```{exercise} Title\n:label: e\nDo it.\n```"], 3, 0),
        (["```{solution} e\n:class: dropdown\nSo.\n$$ x $$\n```"], 0, 0),
        (
            ["```{solution-start} e\n```\nSo.", "$$ x $$", "on\n\n```{solution-end}\n```\n\nend"],
            1,
            0,
        ),
        (["```{question} name\nHow many?\n\nright\n: So.\n```\nword"], 1, 0),
        (["```{dropdown} Why\nnot\n```", "```{note}\n:class: dropdown\nnot\n```\nword"], 1, 0),
    ],
)
def test_words_and_equations_are_counted_with_folds_closed(sources, words, equations):
    found = prose.reading(markdown_cells(*sources))
    assert (found.words, found.equations) == (words, equations)


def test_questions_are_counted_apart_and_their_numbers_are_computed():
    cells = markdown_cells("```{question} name\nIs it 0.5?\n\nright\n: So.\n```\n\nword")
    assert prose.reading(cells) == prose.Reading(1, 0, 1)
    assert len(typed_in(cells)) == 1


def test_what_is_left_out_of_the_page_is_not_counted():
    (cell,) = markdown_cells("Not this.")
    cell.metadata.tags = ["remove-cell"]
    assert prose.reading([cell, nbformat.v4.new_code_cell("nor = this")]).words == 0


def test_a_minute_is_two_hundred_words_an_equation_or_a_question():
    assert prose.Reading(2000, 4).minutes == 14
    assert prose.Reading(2000, 4, 3).minutes == 17
    assert "2,000 words, 4 displayed equations and 3 questions," in str(prose.Reading(2000, 4, 3))
    assert str(prose.Reading(1250, 1)) == (
        "About 7 minutes to read: 1,250 words and 1 displayed equation, with the folds closed."
    )


@each_notebook
def test_no_measured_number_is_typed(page):
    assert typed_in(read(page).cells) == []


@pytest.mark.parametrize(
    "text",
    [
        "It is 0.5.",
        "some 40 % of them",
        "12 percent",
        "392 times too heavy",
        "counts 22,000 times as much",
        "thousands of draws",
        "two thousand times as many",
        "within a thousandth",
        "ten nats",
        "three seconds",
        "four orders of magnitude",
        "a third less",
        "two thirds drop out",
        "a tenth of a nat",
        "twice as steep",
        "tenfold",
        "the epochs are halved",
        "half of the images",
        "half a nat",
        "one in ten",
        "one draw of five",
        "10 of the 13 sevens",
        "3 of them are sevens",
        "with 118 steps",
        "a hundred images",
        "1,200 pictures",
    ],
)
def test_typed_numbers_are_found(text):
    assert len(typed(f"Here {text}")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "two networks and three steps",
        "{glue:text}`share` of them, {glue:text}`ratio` times as many",
        "$392$ times, `392 times`, {cite:p}`a392`, [#392](https://example.org/392)",
        "1 or 0, 28 by 28, 784 pixels, 60,000 images, 784 times smaller",
        "float32, vae-2d, a 2-d plane, 784-200-50",
        "halfway, half way, the other half, one half, a half moon",
        "a bar of two standard errors, half the squared error",
        "a third kind, a second look, the first of two",
        "two rows of ten images",
        "version 3.12, of 2019",
    ],
)
def test_what_a_reader_counts_on_the_page_may_be_typed(text):
    (passage,) = prose.passages(markdown_cells(text))
    assert typed(passage.text) == []


def test_a_setting_may_be_typed():
    settings = settings_of(["K = 5_000", "torch.quantile(x, 0.99)", "print(f'{True}')"])
    assert settings == {5000, 0.99}
    assert typed("With 5000 draws, 5,000 or five thousand, 99% of them.", settings) == []
    assert len(typed("With 5000 nats, 98% of them, one of 5000.", settings)) == 3


def test_an_author_accounts_for_a_number_with_a_reason():
    text = "It costs twice\nthe way, and ten nats."
    found = "c0: ten nats (a number with a unit) in: It costs twice the way, and ten nats."
    twice = '\n\n% typed: "costs twice the", two products for one'
    assert len(typed_in(markdown_cells(text))) == 2
    assert typed_in(markdown_cells(text + twice)) == [found]
    assert typed_in(markdown_cells(text, twice)) != [found]
    assert len(typed_in(markdown_cells(text + twice.partition(",")[0]))) == 2
    needless = '\n% typed: "the way", a phrase without a number'
    assert typed_in(markdown_cells(text + twice + needless)) == [
        found,
        "c0: no number is marked by: the way",
    ]


def test_the_alt_text_of_a_figure_is_read():
    cell = nbformat.v4.new_code_cell('alt = f"{ratio} times, {a} of ten, twice"\nshow(fig, alt)')
    other = nbformat.v4.new_code_cell('show(fig, alt="Half of the rows, 12 columns.")')
    assert len(typed_in([cell, other])) == 2


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
