"""Put questions on the pages, which a reader answers there without a kernel.

Without JavaScript a question is a text with a folded answer; book/_static/questions.js puts a form
between the two, by the functions that Jupyter has as well (`question_form.js`). What it needs to
know stands beside them as JSON. `asked` says what a question is.
"""

import hashlib
import json
import re
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from vaelib.widgets import base

import asked
from markup import MarkupError

SHARED = ("keptInBrowser", "make", "startQuestion")  # what a page's script has of the forms
TITLE = "Stop and predict"
SUMMARY = """<summary><span class="on-screen">Answer</span><span class="on-paper">The answer is
folded on the page</span></summary>"""


class Question(SphinxDirective):
    """A question: `{question} name`."""

    required_arguments = 1
    has_content = True

    def run(self):
        name, body = self.arguments[0], "\n".join(self.content)
        path = Path(self.env.doc2path(self.env.docname))
        self.env.note_dependency(asked.__file__)
        self.env.note_dependency(__file__)
        data, code = asked.answers_in(nbformat.read(path, as_version=4)).get(name, (None, ""))
        try:
            question = asked.Asked(name, body, data)
        except MarkupError as fault:
            raise self.error(str(fault)) from fault
        self.env.metadata[self.env.docname]["has_questions"] = True
        return self.around(name, question, body, code)

    def around(self, name: str, question: asked.Asked, body: str, code: str) -> list:
        """The question and its answer between the tags that the script looks for."""
        opening = (
            f'<div class="question" role="group" id="question-{name}" '
            f'aria-labelledby="question-{name}-title" '
            f'data-key="{escape(self.env.docname)}#{name}@{digest(body, question.data)}">'
            f'<p class="question-title" id="question-{name}-title">{TITLE}</p>'
            f'<div class="question-text" id="question-{name}-text">'
        )
        state = json.dumps(question.for_script()).replace("</", "<\\/")
        closing = f'</details><script type="application/json">{state}</script></div>'
        computed = nodes.literal_block(code, code, language="python")
        return [
            raw(opening),
            *self.parse(question.question()),
            raw(f'</div><details class="question-answer">{SUMMARY}'),
            *self.parse(question.answer()),
            nodes.paragraph("", "How the answers were computed:", classes=["announces"]),
            computed,
            raw(closing),
        ]

    def parse(self, text: str) -> list:
        """The nodes of some MyST."""
        container = nodes.container()
        lines = StringList(text.split("\n"), self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


def raw(html: str) -> nodes.raw:
    """Some HTML of the page."""
    return nodes.raw("", html, format="html")


def digest(body: str, data: dict) -> str:
    """What tells a question from what it was before it was changed."""
    text = body + json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def add_scripts(app, pagename, templatename, context, doctree):
    """A page without questions loads none of their scripts."""
    if app.env.metadata.get(pagename, {}).get("has_questions"):
        app.add_css_file("questions.css")
        app.add_js_file("question_form.js")
        app.add_js_file("questions.js")


def write_scripts(app, error):
    """Write the forms as a classic script: a page that is opened as a file may load no other."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    text = re.sub(r"^export ", "", base.part("question_form.js"), flags=re.MULTILINE)
    given = f"return {{ {', '.join(SHARED)} }};"
    script = f"window.vaelibQuestions = (function () {{\n{text}\n{given}\n}})();\n"
    (folder / "question_form.js").write_text(script, encoding="utf-8")
    (folder / "questions.css").write_text(base.text_of("questions.css"), encoding="utf-8")


def setup(app):
    app.add_directive("question", Question)
    app.connect("html-page-context", add_scripts, priority=400)  # before lists are replaced
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
