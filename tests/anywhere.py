"""A Python with the package's wheel and what it depends on, without what only the book needs."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

from tests.pages import ROOT

HIDDEN = ["myst_nb", "myst_parser", "sphinx", "jupyter_book", "sphinx_exercise", "docutils"]
HIDDEN += ["thop", "torchinfo", "onnx", "onnx_ir", "onnxscript", "onnxruntime", "netron"]
SITE = '''\
"""Hide the packages that a borrower need not have; the others are those of the book's Python."""
import sys
from importlib.machinery import PathFinder

HIDDEN = set({hidden!r})


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else super().find_spec(name, path, target)


sys.meta_path[:] = [Without if each is PathFinder else each for each in sys.meta_path]
'''
EXECUTE = """\
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def wheel(folder: Path) -> Path:
    """The package's wheel, built from a copy of its sources."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def environment(folder: Path, hidden=HIDDEN, package: Path | None = None) -> Path:
    """A Python with a package, if one is given, and without those that are hidden."""
    venv.create(folder, with_pip=False)
    names = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=names))
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"))
    (site / "sitecustomize.py").write_text(SITE.format(hidden=tuple(hidden)))
    if package:
        zipfile.ZipFile(package).extractall(site)
    return folder / "bin" / "python"


def execute(python: Path, notebook: Path) -> subprocess.CompletedProcess:
    """Run a notebook in its own folder and store its outputs in it."""
    script = notebook.parent.parent / "execute.py"
    script.write_text(EXECUTE)
    return subprocess.run(
        [python, script, notebook.name],
        cwd=notebook.parent,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(notebook.parent.parent),
            "TQDM_DISABLE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
