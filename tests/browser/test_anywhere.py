"""A copy runs where the package's wheel is installed and nothing of the book is at hand."""

import shutil

import nbformat
import pytest

from book import copies
from tests import anywhere


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with the wheel, without the book's other packages."""
    folder = tmp_path_factory.mktemp("anywhere")
    return anywhere.environment(folder / "venv", package=anywhere.wheel(folder))


def alone(stem: str, tmp_path):
    """A copy in an empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return shutil.copy(copies.COPIES / f"{stem}.ipynb", folder / f"{stem}.ipynb")


def printed(path) -> list[str]:
    """What each code cell of a notebook printed."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return ["".join(o.get("text", "") for o in cell.outputs) for cell in cells]


def test_a_copy_says_what_it_lacks_and_runs_to_its_end(python, tmp_path):
    """And prints where nothing lacks what the book prints."""
    path = alone("inside", tmp_path)
    before = printed(path)
    done = anywhere.execute(python, path)
    assert done.returncode == 0, done.stderr
    pairs = [pair for pair in zip(printed(path), before, strict=True) if pair[0] != pair[1]]
    assert len(pairs) == 9
    assert all(now.startswith("This cell needs ") for now, _ in pairs)
    assert all(now.count("\n") == 1 for now, _ in pairs)
    assert list(path.parent.iterdir()) == [path]


def test_a_copy_without_the_package_stops_with_a_sentence(tmp_path):
    python = anywhere.environment(tmp_path / "venv", [*anywhere.HIDDEN, "vaelib"])
    done = anywhere.execute(python, alone("kl", tmp_path))
    assert done.returncode != 0
    assert "This chapter needs vaelib" in done.stderr
    assert "ModuleNotFoundError" not in done.stderr
