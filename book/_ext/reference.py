"""Write the module's page as a reader wants it, where docstrings or Python say it otherwise.

Python says of each field of a named tuple that it is an alias for a number, which tells nothing. A
parameter whose description is one letter, `latent_dim: D.`, would be an item of a list. A default
that is a function is written by its name, as in the source, and not as `<function ...>`. An arrow
and a minus that are typed as hyphens are drawn as such, so that no line ends within one. What a
module says of itself would stand below the last function of the one before it as if it belonged to
it, so each module has its name for a heading.
"""

import re

from docutils import nodes
from sphinx.util.inspect import signature as own_signature
from sphinx.util.inspect import stringify_signature

ALIAS = re.compile(r"Alias for field number \d+$")
LETTER = re.compile(r"^(:param \S+: )([A-Z]\.)$")
ARROW = re.compile(r"(?<=\S) -> (?=\S)")
FUNCTION = re.compile(r"<function (\w+)>")
MINUS = re.compile(r"(?<![\w-])-(?=ELBO|log |\|)")


def written(line: str) -> str:
    """One line of a docstring as the page has it."""
    if line.lstrip().startswith((">>>", "...")) or "``" in line:
        return line
    line = LETTER.sub(r"\1\\\2", line)
    return MINUS.sub("−", ARROW.sub("\u00a0→ ", line))


def rewrite(app, what, name, obj, options, lines) -> None:
    """Rewrite a docstring, after its sections were read."""
    lines[:] = [] if lines and ALIAS.match(lines[0]) else map(written, lines)
    if what == "module":
        lines[:0] = [f".. rubric:: {name}", "   :heading-level: 3", "   :class: module-name", ""]


def signed(app, what, name, obj, options, signature, returned):
    """A signature as one would write it; what a data class makes anew each time is left open.

    A widget's is that of its `__init__`, or it takes its traits: autodoc asks `__new__` first,
    which takes anything.
    """
    if what == "class" and signature == "(*args, **kwargs)" and "__init__" not in vars(obj):
        signature = "(**traits)"
    elif what == "class" and signature == "(*args, **kwargs)":
        signature = stringify_signature(
            own_signature(obj.__init__, bound_method=True), show_annotation=False
        )
    return signature and FUNCTION.sub(r"\1", signature).replace("<factory>", "..."), returned


def raise_headings(app, doctree) -> None:
    """Tell MyST, which writes rubrics in its own way, of what level they are."""
    for rubric in doctree.findall(nodes.rubric):
        if "heading-level" in rubric:
            rubric["level"] = rubric["heading-level"]


def setup(app):
    app.connect("autodoc-process-signature", signed)
    app.connect("doctree-read", raise_headings)
    app.connect("autodoc-process-docstring", rewrite, priority=600)  # behind napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
