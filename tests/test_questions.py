"""The questions of the chapters, and what `vaelib.questions` refuses."""

import ast
import json
import re
import sys
from itertools import pairwise

import pytest
import torch

from tests.pages import ROOT, code_cells, notebooks, read
from tests.tracing import read_names
from vaelib import questions

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import asked
import markup

each_notebook = pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)


def directives(page) -> list[markup.Directive]:
    """The questions of a page, as they were written."""
    cells = [cell for cell in read(page).cells if cell.cell_type == "markdown"]
    blocks = [block for cell in cells for block in markup.blocks(cell.source)]
    return [b for b in blocks if isinstance(b, markup.Directive) and b.name == "question"]


def questions_of(page) -> list[asked.Asked]:
    answers = asked.answers_in(read(page))
    return [asked.Asked(d.argument, d.body, answers[d.argument][0]) for d in directives(page)]


@each_notebook
def test_a_chapter_asks_two_to_four_questions_and_answers_no_others(page):
    names = [directive.argument for directive in directives(page)]
    assert 2 <= len(names) <= 4
    assert sorted(names) == sorted(asked.answers_in(read(page)))
    assert all(name.startswith(page.stem.replace("_", "-")) for name in names)


def test_names_are_unique_in_the_book():
    names = [directive.argument for page in notebooks() for directive in directives(page)]
    assert len(set(names)) == len(names)


def test_the_book_asks_for_all_three_kinds():
    kinds = [question.kind for page in notebooks() for question in questions_of(page)]
    assert kinds.count("order") >= 3
    assert min(kinds.count("number"), kinds.count("choice")) >= 8


@each_notebook
def test_each_answer_has_a_note_of_its_own(page):
    for question in questions_of(page):
        notes = [question.notes[name] for name in question.names]
        assert len(set(notes)) == len(notes) == len(question.notes)
        assert all(len(note) > 15 for note in notes)


@each_notebook
def test_numbers_can_be_told_apart_by_the_page(page):
    for question in questions_of(page):
        if question.kind == "number":
            data = question.for_script()
            answers = sorted(zip(data["values"], data["near"], strict=True))
            for (low, low_near), (high, high_near) in pairwise(answers):
                assert low + low_near < high - high_near
            assert len(answers) > 2


@each_notebook
def test_what_is_displayed_is_what_the_function_gives(page):
    """Answers that somebody typed into the notebook, or that have another form, are found."""
    for name, (data, source) in asked.answers_in(read(page)).items():
        assert data["question"] == name
        assert re.search(rf'questions\.{data["kind"]}\(\s*"{name}"', source)
        if data["kind"] == "number":
            wrong = {key.replace(" ", "_"): value for key, value in data["wrong"].items()}
            values = {k: float(v.replace(",", "")) for k, v in wrong.items()}
            right = data["right"]
            again = questions.number(
                name,
                float(right.replace(",", "")),
                unit=data["unit"],
                decimals=len(right.partition(".")[2]),
                tolerance=data["tolerance"],
                **values,
            )
            assert json.loads(str(again)) == data
        if data["kind"] == "order":
            again = questions.order(
                name, data["right"][0], lambda lines, d=data: list(lines) in d["right"]
            )
            assert sorted(json.loads(str(again))["right"]) == sorted(data["right"])


@each_notebook
def test_answers_stand_below_their_question_and_off_the_page(page):
    cells = read(page).cells
    places = {
        d.argument: i
        for i, cell in enumerate(cells)
        if cell.cell_type == "markdown"
        for d in markup.blocks(cell.source)
        if isinstance(d, markup.Directive) and d.name == "question"
    }
    for i, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if name := output.get("metadata", {}).get(questions.METADATA):
                assert places[name] < i
                assert cell.metadata.tags == ["remove-cell"]


def bound(source: str) -> set[str]:
    """The names that a cell binds itself, outside of its functions' bodies."""
    nodes = [node for statement in ast.parse(source).body for node in outer(statement)]
    names = {node.id for node in nodes if isinstance(getattr(node, "ctx", None), ast.Store)}
    return names | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def outer(statement):
    """The nodes of names of a statement; of a function it alone."""
    if isinstance(statement, ast.FunctionDef):
        return [statement]
    return [node for node in ast.walk(statement) if isinstance(node, ast.Name)]


@each_notebook
def test_no_cell_on_the_page_reads_what_a_hidden_one_has_bound(page):
    hidden = set()
    for cell in code_cells(page):
        if "remove-cell" in cell.metadata.get("tags", []):
            hidden |= bound(cell.source)
            continue
        tree, own = ast.parse(cell.source), bound(cell.source)
        inner = {arg.arg for arg in ast.walk(tree) if isinstance(arg, ast.arg)}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        inner |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        assert not hidden & read_names(tree) - own - inner
        hidden -= own


def test_a_number_of_any_library_will_do():
    found = questions.number("q", torch.tensor(0.5), twice=torch.tensor([1.0])[0], none=-1e-9)
    assert found.answers["right"] == "0.50"
    assert found.answers["wrong"] == {"twice": "1.00", "none": "0.00"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: questions.number("q", 1), "at least one wrong answer to q, got none"),
        (lambda: questions.number("q", 1, near=1.03), "told apart, got 1.00 for 'right' and 1.03"),
        (lambda: questions.number("q", 1, a=2, b=2.01), "got 2.00 for 'a' and 2.01 for 'b'"),
        (lambda: questions.number("q", "1", a=2), "wanted right finite, got '1'"),
        (lambda: questions.number("q", 1, a=float("inf")), "wanted a finite, got inf"),
        (lambda: questions.number("q", 1, a=2, tolerance=0), "wanted tolerance above 0"),
        (
            lambda: questions.choice("q", {"a": True, "b": True}),
            r"right option of q, got \['a', 'b'\]",
        ),
        (lambda: questions.choice("q", {"a": False}), r"right option of q, got \[\]"),
        (lambda: questions.choice("q", {"a": True}), "at least one wrong answer to q"),
        (lambda: questions.order("q", ["a"], {}), "wanted 2 to 6 different lines"),
        (lambda: questions.order("q", "aab", {}), "wanted 2 to 6 different lines"),
        (lambda: questions.order("q", "ab", {}), "right and wrong orders of q, got 2 right"),
        (lambda: questions.order("q", "ab", {"a": "b", "b": "a"}), "got 0 right ones"),
        (lambda: questions.order("q", "ab", {"a": "c"}), r"among the lines of q, got \['c'\]"),
    ],
)
def test_questions_without_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_more_than_one_order_may_be_right_and_none_of_them_is_shown_first():
    found = questions.order("q", "abc", {"c": "a"}).answers
    assert sorted("".join(each) for each in found["right"]) == ["abc", "acb", "bac"]
    assert found["start"] not in found["right"]
    assert found == questions.order("q", "abc", {"c": "a"}).answers


BODY = "How many?\n\nright\n: So.\n\nno half\n: Not so, since\n  it is not."


def test_a_question_becomes_markdown():
    found = asked.Asked("q", BODY, questions.number("q", 2, unit="nats", no_half=4).answers)
    assert found.question() == "How many?"
    assert found.answer() == (
        "Right: 2.00 nats\n: So.\n\nWrong: 4.00 nats\n: Not so, since\n  it is not."
    )
    assert found.for_script() == {
        "kind": "number",
        "unit": "nats",
        "values": [2.0, 4.0],
        "near": [0.04, 0.08],
    }


def test_options_and_lines_are_found_by_their_names():
    body = "Which?\n\n$x$ <!-- one -->\n: No.\n\n`b()`\n: Yes."
    found = asked.Asked("q", body, questions.choice("q", {"one": False, "b()": True}).answers)
    assert found.question() == "Which?\n\nChoose one:\n\n- $x$\n- `b()`"
    assert found.answer() == "Right: `b()`\n: Yes.\n\nWrong: $x$\n: No."
    assert found.for_script() == {"kind": "choice", "right": 1, "notes": [1, 0]}
    found = asked.Asked("q", body, questions.order("q", ["one", "b()"], {"b()": "one"}).answers)
    assert found.question() == "Which?\n\nPut these lines in order:\n\n- `b()`\n- $x$"
    assert found.answer() == "1\\. $x$\n: No.\n\n2\\. `b()`\n: Yes."
    assert found.for_script() == {"kind": "order", "right": [[1, 0]], "notes": [1, 0]}


@pytest.mark.parametrize(
    ("body", "data", "message"),
    [
        (BODY, None, "no cell of the page has answers to the question q"),
        (BODY, questions.number("q", 2, half=4).answers, "wanted a text and a note on each of"),
        ("right\n: So.\n\nno half\n: No.", questions.number("q", 2, no_half=4).answers, "a text"),
    ],
)
def test_a_page_that_speaks_of_other_answers_is_refused(body, data, message):
    with pytest.raises(markup.MarkupError, match=message):
        asked.Asked("q", body, data)
