"""Make a page that needs no other host.

Mathematics: MathJax comes from the package sphinx-mathjax-offline. Only its one-file build with SVG
glyphs is copied: it asks for no font and no further script, so it also works when a page is opened
as a file. Thebe, which Jupyter Book adds to each page to run code on a remote kernel, is left out.
"""

import importlib.util
from pathlib import Path

from sphinx.util.fileutil import copy_asset_file

SCRIPT = "tex-svg-full.js"


def copy_mathjax(app, error):
    if error is None and app.builder.format == "html":
        package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        copy_asset_file(package / "static" / "mathjax" / SCRIPT, target)


def drop_thebe(app, pagename, templatename, context, doctree):
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes}".lower()
    ]


def setup(app):
    app.config.mathjax_path = f"mathjax/{SCRIPT}"
    app.connect("html-page-context", drop_thebe)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
