"""Write the minus of a number that code has put into a text, where Python writes a hyphen."""

import re

from docutils import nodes

HYPHEN = re.compile(r"(?<![\w.])-(?=\d)")


def signed(text: str) -> str:
    """A text whose negative numbers have a minus."""
    return HYPHEN.sub("−", text)


def sign(app, doctree) -> None:
    """Mend the numbers that `glue` has put into sentences."""
    for pasted in doctree.findall(nodes.inline):
        if "pasted-text" in pasted["classes"]:
            pasted[:] = [nodes.Text(signed(pasted.astext()))]


def setup(app):
    app.connect("doctree-read", sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
