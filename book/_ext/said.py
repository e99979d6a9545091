"""What a page says of itself in comments that no reader sees: `% question: How far ...?`."""

import functools
import re
from pathlib import Path

import nbformat

LINE = re.compile(r"^% (question|thumbnail|description): (\S.*)$", re.MULTILINE)


@functools.cache
def notebook(path: Path, changed: float):
    """A notebook as it was at a time."""
    return nbformat.read(path, as_version=4)


def cells_of(path: Path) -> list:
    """The cells of a page; a page that is no notebook is one cell."""
    if path.suffix == ".ipynb":
        return notebook(path, path.stat().st_mtime).cells
    return [nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))]


def said(path: Path) -> dict[str, str]:
    """What a page says of itself, by name."""
    texts = [cell.source for cell in cells_of(path) if cell.cell_type == "markdown"]
    return {name: value.strip() for text in texts for name, value in LINE.findall(text)}
