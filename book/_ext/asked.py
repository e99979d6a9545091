"""What a question of a page says: its text, its answers, and what is to be said of each.

A question is a directive whose text ends with a list of definitions, one for each answer:

    ```{question} kl-of-a-shift
    How many nats is that?

    right
    : Half the squared distance.

    no half
    : The square of the distance, but a Gaussian has a half in its exponent.
    ```

For a number the terms are `right` and the names of the mistakes, for a choice the options, for an
order the lines. A long one has its name in a comment behind it: `$x^2$ <!-- square -->`. The
answers come from the output of the cell that calls `vaelib.questions` with the question's name.
What the page shows is made here, as Markdown, for the plain copies as well.
"""

import json
import re

from vaelib.questions import METADATA

import markup
import minus


def answers_in(notebook) -> dict[str, tuple[dict, str]]:
    """The answers to each question that a notebook's cells displayed, and the code of the cell."""
    return {
        output["metadata"][METADATA]: (json.loads(output["data"]["text/plain"]), cell["source"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if METADATA in output.get("metadata", {})
    }


class Asked:
    """A question of a page with its answers.

    Attributes:
        text: the question, as MyST.
        notes: what is said of each answer, by its name, as MyST.
        terms: what stands on the page for it, by its name, as MyST.
        data: the answers, as `vaelib.questions` gives them.

    Raises:
        MarkupError: if the page speaks of other answers than the cell has.
    """

    def __init__(self, name: str, body: str, data: dict | None):
        if data is None:
            raise markup.MarkupError(f"no cell of the page has answers to the question {name}")
        found = list(markup.DEFINITION.finditer(body))
        self.text = body[: found[0].start()].strip() if found else body
        pairs = [(*named(match["term"]), match["body"]) for match in found]
        self.terms = {name: term for name, term, _ in pairs}
        self.notes = {name: note.removeprefix(":").strip() for name, _, note in pairs}
        self.data, self.kind = data, data["kind"]
        if self.terms.keys() ^ set(self.names) or not self.text:
            raise markup.MarkupError(
                f"wanted a text and a note on each of {self.names} in the question {name}, and no "
                f"others, got {list(self.notes)}"
            )

    @property
    def names(self) -> list[str]:
        """The names of the answers, the right one first; of an order the lines."""
        if self.kind == "order":
            return self.data["right"][0]
        return ["right" if self.kind == "number" else self.data["right"], *self.data["wrong"]]

    @property
    def shown(self) -> list[str]:
        """What the page shows below the text: the options, or the lines as they begin, as MyST."""
        if self.kind == "order":
            return [self.terms[line] for line in self.data["start"]]
        return [] if self.kind == "number" else list(self.terms.values())

    def question(self) -> str:
        """The text, and what there is to choose from or to put in order."""
        items = [f"{self.instruction()}\n"] if self.shown else []
        return "\n".join([self.text, "", *items, *(f"- {each}" for each in self.shown)]).strip()

    def instruction(self) -> str:
        """What to do with the list."""
        return "Put these lines in order:" if self.kind == "order" else "Choose one:"

    def answer(self) -> str:
        """Each answer with its note, the right one first, or the lines in their order."""
        parts = [f"{self.head(name)}\n: {self.notes[name]}" for name in self.names]
        return "\n\n".join(parts)

    def head(self, name: str) -> str:
        """How an answer is called in the list of all answers."""
        if self.kind == "order":
            return f"{self.names.index(name) + 1}\\. {self.terms[name]}"  # no list begins here
        if self.kind == "number":
            value = self.value(self.data["right"] if name == "right" else self.data["wrong"][name])
        else:
            value = self.terms[name]
        return f"{'Right' if name == self.names[0] else 'Wrong'}: {value}"

    def value(self, number: str) -> str:
        """A number with its unit."""
        unit = self.data["unit"]
        return f"{minus.signed(number)}{'' if unit in ('', '%') else ' '}{unit}"

    def for_script(self) -> dict:
        """What the page's script needs: places in the shown list, and in the list of notes."""
        if self.kind == "number":
            texts = [self.data["right"], *self.data["wrong"].values()]
            values = [float(text.replace(",", "")) for text in texts]
            last = 0.5 * 10 ** -len(texts[0].partition(".")[2])  # half of the last decimal
            near = [max(self.data["tolerance"] * abs(value), last) for value in values]
            return {"kind": "number", "unit": self.data["unit"], "values": values, "near": near}
        shown = self.data["start"] if self.kind == "order" else list(self.terms)
        notes = [self.names.index(each) for each in shown]
        if self.kind == "choice":
            return {"kind": "choice", "right": shown.index(self.names[0]), "notes": notes}
        right = [[shown.index(line) for line in each] for each in self.data["right"]]
        return {"kind": "order", "right": right, "notes": notes}


def named(term: str) -> tuple[str, str]:
    """The name of a term, and what stands on the page: code is named without its backticks."""
    if found := re.fullmatch(r"(.*?)\s*<!-- (.*?) -->", term):
        return found[2], found[1]
    is_code = term.count("`") == 2 and term[0] == term[-1] == "`"
    return (term[1:-1] if is_code else term), term
