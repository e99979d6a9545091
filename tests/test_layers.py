"""Data flows one way: no file of the package imports one that comes after it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vaelib
from tests.pages import ROOT

PACKAGE = ROOT / "src" / "vaelib"
LAYERS = (  # a file may import those of the layers above its own, and no other of its own layer
    {"checks", "paths", "files", "devices", "networks", "parts", "gaussians", "loss_scale"},
    {"data", "pictures", "distributions", "densities", "loss_probe"},
    {"likelihoods", "effective"},
    {"models", "reading", "exercises"},
    {"objectives", "checkpoints", "export", "importance"},
    {"settings"},
    {"optimizing", "resuming", "plans"},
    {"training"},
    {"arranging", "class_labels"},
    {"drawings"},
    {"evaluation", "plots", "provenance"},
    {"recipes"},
    {"lab"},
    {"widgets"},
    {"questions"},
)
WITHIN = {  # what a file of a layer may have of its own layer
    "files": {"paths"},
    "data": {"files"},
    "networks": {"devices"},
    "loss_scale": {"checks"},
    "viewer": set(),
}
FOLDERS = ("exercises", "models", "lab", "widgets")  # whose files may import each other


def part_of(path: Path) -> str:
    """The layer's name for a file: its folder's, or its own."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """The parts of vaelib that a file imports, also within its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vaelib":
            names = node.module.split(".")[1:2] or [alias.name for alias in node.names]
            found.update(names)
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found.update(name[1] for name in names if name[0] == "vaelib" and len(name) > 1)
    return found


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_comes_before_it(path):
    part = part_of(path)
    (level,) = [number for number, layer in enumerate(LAYERS) if part in layer]
    before = set().union(*LAYERS[:level])
    allowed = before | WITHIN.get(part, set()) | ({part} if part in FOLDERS else set())
    assert imports_of(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 320


def test_no_family_is_asked_for_outside_its_own_file():
    """What a model is, is asked of the model: no type test on one but in `LatentVariableModel`s."""
    families = {name for name in vaelib.models.__all__ if name != "LatentVariableModel"}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "isinstance",
                "issubclass",
            ):
                named = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                assert not named & families, f"{path.name}:{node.lineno}"


def test_what_vaelib_names_is_what_its_files_have():
    assert list(vaelib._HOMES["models"]) == vaelib.models.__all__
    assert all(hasattr(vaelib, name) for name in dir(vaelib))
    with pytest.raises(AttributeError, match="module 'vaelib' has no attribute 'vae'"):
        vaelib.vae  # noqa: B018


def test_importing_vaelib_is_light():
    """Widgets, figures, data sets and torch itself come when they are used."""
    heavy = ("torch", "torchvision", "matplotlib", "ipywidgets", "onnx", "netron")
    source = (
        "import sys, vaelib; vaelib.__version__; "
        f"assert not set({heavy}) & sys.modules.keys(); vaelib.VAE(12, 7, 3); "
        f"assert not set({heavy[1:]}) & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


def test_no_file_of_the_package_is_hidden_from_git():
    """A rule of .gitignore that means a folder at the top would keep one here out of the clone."""
    listed = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "src"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    hidden = [name for name in done.stdout.splitlines() if "__pycache__" not in name]
    assert [name for name in hidden if not name.startswith("src/vaelib.egg-info")] == []
