"""Serve mathematics from the book itself, so that a page needs no other host.

MathJax comes from the package sphinx-mathjax-offline. Only its one-file build with
SVG glyphs is copied: it asks for no font and no further script, so it also works
when a page is opened as a file.
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


def setup(app):
    app.config.mathjax_path = f"mathjax/{SCRIPT}"
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
