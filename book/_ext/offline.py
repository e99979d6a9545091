"""Take off a page what asks for another host or is not needed.

Thebe would run code on a kernel elsewhere, and MathJax is done with when the book is built
(`mathematics.py`): Sphinx asks for both on each page.
"""

import re

NOT_NEEDED = re.compile("thebe|mathjax", re.IGNORECASE)


def drop_scripts(app, pagename, templatename, context, doctree) -> None:
    """Leave out the scripts that are not needed, whoever asked for them."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if not NOT_NEEDED.search(f"{script.filename} {script.attributes}")
    ]


def setup(app):
    app.connect("html-page-context", drop_scripts, priority=900)  # after MathJax has been added
    return {"parallel_read_safe": True, "parallel_write_safe": True}
