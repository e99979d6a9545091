"""The forms of questions in plain copies: what they are made of, and what Jupyter is given."""

import base64
import sys
import zlib
from types import SimpleNamespace

import pytest

import vaelib_jupyter
from tests.pages import ROOT
from vaelib import questions
from vaelib.widgets.question import QuestionForm

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import forms
import markup
import plain

VIEW = vaelib_jupyter.VIEW
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>z</mi></math>'
FORM = (
    '<div class="question" role="group" id="question-{name}" data-key="a"><p>What is {math}?</p>'
    '<details class="question-answer"><dl><dt>Right: 2</dt><dd>{note}</dd></dl>'
    "<p>How the answers were computed:</p>\n<div><pre>number(2)</pre></div>\n</details>"
    '<script type="application/json">{{}}</script></div>'
)
DRAWN = f'<mjx-container jax="SVG"><svg><use href="#glyph-1"></use></svg>{MATH}</mjx-container>'


@pytest.fixture(autouse=True)
def none_is_remembered(monkeypatch):
    monkeypatch.setattr(questions, "_forms", {})


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"a {DRAWN} b {DRAWN} c", f"a {MATH} b {MATH} c"),
        ('see <a class="x" href="kl.html#a"><em>there</em></a>.', "see <em>there</em>."),
        ("<p>How the answers were computed:</p>\n<div>code</div></details>x", "</details>x"),
        ('<mi data-mjx-variant="-tex" mathvariant="script">N</mi>', "<mi>𝒩</mi>"),
        ('<mi mathvariant="script">L</mi>', "<mi>ℒ</mi>"),
        ('<mi mathvariant="double-struck">E</mi>', "<mi>𝔼</mi>"),
        ('<mi mathvariant="double-struck">R</mi>', "<mi>ℝ</mi>"),
        ('<mi mathvariant="normal">K</mi>', '<mi mathvariant="normal">K</mi>'),
    ],
)
def test_a_form_stands_without_its_page(html, expected):
    assert forms.alone(html) == expected


def test_the_forms_of_a_page_are_found_by_their_names(tmp_path):
    page = tmp_path / "a.html"
    page.write_text(
        "<p>x</p>" + "<p>y</p>".join(FORM.format(name=n, math=DRAWN, note=n) for n in ("a-b", "c"))
    )
    found = forms.forms_of(page)
    assert list(found) == ["a-b", "c"]
    assert "number(2)" not in found["a-b"]
    assert found["c"].endswith("</script></div>")
    assert "<dd>c</dd>" in found["c"]


def test_a_copys_cell_brings_its_questions_and_shows_no_answer():
    cell = forms.data_cell({"q": "<div>the answer is umbrella</div>" * 9, "r": "<p>ℝ</p>"})
    assert cell.metadata.jupyter.source_hidden
    assert "umbrella" not in cell.source
    assert max(map(len, cell.source.splitlines())) < 100
    exec(cell.source, {})
    assert questions.ask("q").html.count("umbrella") == 9
    assert questions.ask("r").html == "<p>ℝ</p>"


def test_the_cell_below_a_question_says_how_to_answer_before_it_is_run():
    cell = forms.ask_cell("kl-price")
    assert cell.source == 'vaelib.questions.ask("kl-price")'
    (output,) = cell.outputs
    assert "Run this cell to answer" in output.data["text/markdown"]
    assert not cell.metadata


def test_a_question_that_no_cell_has_brought_is_named():
    with pytest.raises(ValueError, match="got 'kl-price': run the copy's first cells"):
        questions.ask("kl-price")


@pytest.mark.parametrize("damage", [lambda t: t[:-9], lambda t: t[5:], lambda t: "eJ"])
def test_damaged_forms_raise_and_nothing_is_remembered(damage):
    with pytest.raises((ValueError, zlib.error)):
        questions.unpack(damage(questions.packed({"q": "<p>question</p>" * 20})))
    assert questions._forms == {}


def test_forms_are_packed_small():
    text = FORM.format(name="q", math=MATH, note="a note that says why") * 3
    assert len(questions.packed({"q": text})) < len(text) / 2
    assert base64.b64decode(questions.packed({"q": text}), validate=True)


def test_jupyter_is_given_the_view_and_a_sentence_for_where_there_is_no_kernel():
    form = QuestionForm(name="q", html="<p>secret</p>")
    data, metadata = form._repr_mimebundle_()
    assert VIEW in data
    assert data["text/plain"] in data["text/markdown"]
    assert "secret" not in str(data) + str(metadata) + repr(form)
    output = {"output_type": "execute_result", "data": data, "metadata": metadata}
    cells = [{"outputs": [output]}]
    vaelib_jupyter.keep_pictures({"type": "notebook", "content": {"cells": cells}})
    assert set(output["data"]) == {"text/markdown", "text/plain"}


def test_below_a_question_comes_nothing_but_its_form():
    ask = "```{question} a\nx\n```"
    assert plain.asked_in(f"text\n\n{ask}\n") == ["a"]
    assert plain.asked_in(f"{ask}\n\n{ask}") == ["a", "a"]
    assert plain.asked_in("text") == []
    with pytest.raises(markup.MarkupError, match="below a question stands more"):
        plain.asked_in(f"{ask}\n\ntext")


def test_the_cell_comes_below_the_question():
    cell = SimpleNamespace(
        cell_type="markdown", metadata={}, id="c", source="Hm.\n\n```{question} q\nx\n```"
    )
    book = SimpleNamespace(
        env=SimpleNamespace(titles={"d": SimpleNamespace(astext=lambda: "T")}),
        docname="d",
        title=lambda docname, title: title,
        words=SimpleNamespace(question=lambda name, body: (body, "Right: 2\n: Why.")),
    )
    text, ask = plain.cells(cell, book, set())
    assert "Stop and predict" in text.source
    assert ask.source == 'vaelib.questions.ask("q")'
