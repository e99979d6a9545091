"""The form of a question in Jupyter: the one that the page has, with the same texts."""

import anywidget
import traitlets

from vaelib.widgets.base import STATE, bundled, module, stylesheet, text_of


class QuestionForm(anywidget.AnyWidget):
    """Asks a question and says what is right or wrong about an answer.

    Traits:
        name: of the question.
        html: what the page has of it: text, notes on each answer, and the answers.
        answered: what the reader has answered last and in how many tries, or None.
    """

    note = "Run this cell to answer here. Without a kernel, the answer is in the fold above."
    _esm = module("question.js")
    _css = stylesheet() + text_of("questions.css")
    name = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = bundled(super()._repr_mimebundle_(include=include, exclude=exclude))
        without_kernel = {"text/markdown": f"*{self.note}*", "text/plain": self.note}
        return data | without_kernel, metadata | {STATE: {"question": self.name}}

    def __repr__(self) -> str:
        return f"QuestionForm({self.name!r})"
