"""The pages of the book, as the tests see them."""

import re
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parent.parent


def chapters() -> list[Path]:
    """Every page in _toc.yml, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    names = [toc["root"], *(entry["file"] for entry in entries)]
    return [page_file(name) for name in names]


def page_file(name: str) -> Path:
    found = [path for suffix in (".ipynb", ".md") if (path := ROOT / (name + suffix)).exists()]
    assert len(found) == 1, f"wanted one file for the page {name}, found {found}"
    return found[0]


def notebooks() -> list[Path]:
    """The pages with code."""
    return [page for page in chapters() if page.suffix == ".ipynb"]


def read(page: Path):
    return nbformat.read(page, as_version=4)


def code_cells(page: Path) -> list:
    return [cell for cell in read(page).cells if cell.cell_type == "code"]


def markdown_of(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text()
    return "\n\n".join(cell.source for cell in read(page).cells if cell.cell_type == "markdown")


def widgets_of(page: Path) -> list[str]:
    """The names of the widgets that run on a page, in order."""
    if page.suffix == ".md":
        return re.findall(r"^```\{widget\} \w+ (\w+)$", page.read_text(), re.MULTILINE)
    states = [
        output.metadata["vaelib"]
        for cell in code_cells(page)
        for output in cell.outputs
        if "vaelib" in output.get("metadata", {})
    ]
    return [state["widget"] for state in states if state["state"]]
