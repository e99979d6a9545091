"""The forms of a page's questions, for its plain copy: what the page has, so that it stands alone.

A copy asks with `vaelib.questions.ask`, whose form is that of the page: the same HTML, in which
formulas are MathML, since a notebook has no glyphs of the page, and code and links are left out.
"""

import re
from pathlib import Path

import nbformat
from vaelib import questions

FORM = re.compile(
    r'<div class="question" role="group" id="question-([\w-]+)".*?</script></div>', re.DOTALL
)
FORMULA = re.compile(r"<mjx-container.*?(<math .*?</math>).*?</mjx-container>", re.DOTALL)
LETTERS = re.compile(r'<mi [^>]*mathvariant="(script|double-struck)"[^>]*>([A-Z])</mi>')
UNICODE = {  # letters of these variants for browsers that know no mathvariant
    "script": dict(zip("BEFHILMR", "ℬℰℱℋℐℒℳℛ", strict=True)),
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
}
FIRST = {"script": 0x1D49C, "double-struck": 0x1D538}  # the code of the letter A
COMPUTED = re.compile(r"<p>How the answers were computed:</p>.*?(?=</details>)", re.DOTALL)
LINK = re.compile(r"<a [^>]*>(.*?)</a>", re.DOTALL)
WIDTH = 90  # of a line of the packed forms
DATA = '''\
# This copy's own cell: the forms of its questions, packed. Each is shown by a cell below.
import vaelib

vaelib.questions.unpack("""
{text}
""")
'''


def forms_of(page: Path) -> dict[str, str]:
    """The questions of a built page as HTML that stands by itself, by their names."""
    html = page.read_text(encoding="utf-8")
    return {match[1]: alone(match[0]) for match in FORM.finditer(html)}


def alone(form: str) -> str:
    """A form without what it shares with its page: glyphs, links and code."""
    form = LETTERS.sub(letter, FORMULA.sub(r"\1", COMPUTED.sub("", form)))
    return LINK.sub(r"\1", form)


def letter(match: re.Match) -> str:
    """A letter of another alphabet, as that letter."""
    variant, plain = match[1], match[2]
    found = UNICODE[variant].get(plain) or chr(FIRST[variant] + ord(plain) - ord("A"))
    return f"<mi>{found}</mi>"


def data_cell(forms: dict[str, str]):
    """The folded cell that brings a copy's questions."""
    text = questions.packed(forms)
    lines = "\n".join(text[at : at + WIDTH] for at in range(0, len(text), WIDTH))
    source = DATA.format(text=lines).strip("\n")
    hidden = {"jupyter": {"source_hidden": True}}
    return nbformat.v4.new_code_cell(source, id="questions", metadata=hidden)


def ask_cell(name: str):
    """The cell below a question that shows its form; before it is run, it says so."""
    note = questions.QuestionForm.note
    output = nbformat.v4.new_output(
        "display_data", data={"text/markdown": f"*{note}*", "text/plain": note}
    )
    source = f'vaelib.questions.ask("{name}")'
    return nbformat.v4.new_code_cell(source, id=f"ask-{name}"[:64], outputs=[output])
