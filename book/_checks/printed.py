"""The displayed equations of a page, as they are printed."""

import json
import re
from pathlib import Path

BOOK = Path(__file__).parents[1]
EQUATION = re.compile(r"\$\$(?P<tex>.+?)\$\$[ \t]*(?:\((?P<label>[\w-]+)\))?", re.DOTALL)


def equations(stem: str) -> list[tuple[str | None, str]]:
    """The label and the TeX of each displayed equation of a page of the book, in order."""
    return [(m["label"], m["tex"].strip()) for m in EQUATION.finditer(_markdown(stem))]


def _markdown(stem: str) -> str:
    page = BOOK / f"{stem}.ipynb"
    if not page.exists():
        return (BOOK / f"{stem}.md").read_text()
    cells = json.loads(page.read_text())["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
