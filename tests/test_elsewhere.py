"""Colab and Binder: where a chapter opens, and that nothing offers it without a repository."""

import re
import sys
import tomllib
from types import SimpleNamespace

import pytest
import yaml
from sphinx.errors import ExtensionError

from tests.pages import ROOT
from tests.test_plain import executed

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import elsewhere
import plain_code

PUBLIC = "https://github.com/someone/vae-book"


@pytest.mark.parametrize("address", [PUBLIC, f"{PUBLIC}/", f"{PUBLIC}.git"])
def test_a_repository_is_known_by_its_address(address):
    assert elsewhere.repository(address) == "someone/vae-book"


@pytest.mark.parametrize(
    "wrong",
    ["someone/vae-book", "http://github.com/a/b", "https://gitlab.com/a/b", f"{PUBLIC}/x/y"],
)
def test_another_address_is_an_error_that_names_it(wrong):
    with pytest.raises(ExtensionError, match=rf"github\.com/OWNER/NAME, or empty, got '{wrong}'"):
        elsewhere.repository(wrong)


def context_of(monkeypatch, repository: str, page: str = "book/kl") -> dict:
    """What the theme gets for a page."""
    monkeypatch.setattr(elsewhere, "chapters", lambda env: ["book/kl"])
    app = SimpleNamespace(config=SimpleNamespace(book_repository=repository), env=None)
    context = {"header_buttons": [{"label": "download-buttons"}]}
    elsewhere.offer(app, page, "page.html", context, None)
    return context


def test_a_chapter_opens_in_both_services_from_the_branch_of_the_copies(monkeypatch):
    group, other = context_of(monkeypatch, PUBLIC)["header_buttons"]
    assert other["label"] == "download-buttons"
    assert [button["url"] for button in group["buttons"]] == [
        "https://colab.research.google.com/github/someone/vae-book/blob/notebooks/kl.ipynb",
        "https://mybinder.org/v2/gh/someone/vae-book/notebooks?urlpath=lab/tree/kl.ipynb",
    ]


@pytest.mark.parametrize(("repository", "page"), [("", "book/kl"), (PUBLIC, "book/notation")])
def test_without_repository_or_copy_there_is_no_button(monkeypatch, repository, page):
    assert len(context_of(monkeypatch, repository, page)["header_buttons"]) == 1


@pytest.mark.parametrize("repository", ["", PUBLIC])
def test_binder_is_told_what_to_install(tmp_path, repository):
    (tmp_path / "notebooks").mkdir()
    config = SimpleNamespace(book_repository=repository)
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(config=config, builder=builder, outdir=str(tmp_path))
    elsewhere.write_requirements(app, None)
    written = {path.name: path.read_text() for path in (tmp_path / "notebooks").iterdir()}
    if not repository:
        assert written == {}
        return
    assert written["requirements.txt"] == "git+https://github.com/someone/vae-book\n"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert written["runtime.txt"] == f"python-{wanted.removeprefix('>=')}\n"


def test_a_copy_installs_the_package_in_colab_and_nowhere_else(monkeypatch):
    done = []
    monkeypatch.setattr("subprocess.run", lambda command, check: done.append(command))
    code = plain_code.check("git+https://github.com/someone/vae-book")

    def run_without_it():
        with (
            monkeypatch.context() as patch,
            pytest.raises(Exception, match="needs vaelib") as caught,
        ):
            executed(code, patch, {"vaelib"})
        return str(caught.value)

    assert "pip install git+https://github.com/someone/vae-book\n" in run_without_it()
    assert done == []
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    run_without_it()  # here pip was not really run, so that it is still missing
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    assert done == [[*pip, "git+https://github.com/someone/vae-book"]]
    executed(code, monkeypatch)  # where it is there, nothing is to be done
    assert len(done) == 1


def test_the_public_workflow_pushes_the_copies_to_the_branch_that_the_buttons_open():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    steps = workflow["jobs"]["copies"]["steps"]
    pushed = next(step["run"] for step in steps if "git push" in step.get("run", ""))
    assert f"HEAD:{elsewhere.BRANCH}" in pushed


def test_there_is_one_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation["version"] == version == changes[0]
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert citation["title"] == config["title"]
    author = config["author"]  # as in the line "By the authors of ..." under each page
    assert citation["authors"] == [{"name": author[0].upper() + author[1:]}]
