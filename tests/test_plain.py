"""Plain copies of chapters, apart from Sphinx: what becomes of markup and code, and of a copy."""

import ast
import json
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

import vaelib_jupyter
from tests.pages import ROOT, code_cells, markdown_of, notebooks, read

sys.path.insert(0, str(ROOT / "book"))
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import copies
import markup
import plain
import plain_code

each_notebook = pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
BASE = {"IPython", "PIL", "anywidget", "ipywidgets", "matplotlib", "numpy", "torch"}
BASE |= {"torchvision", "tqdm"}


def words():
    """Words that show what they were asked."""
    return markup.Words(
        role=lambda role, target, title: f"<{role} {target} {title or ''}>".replace(" >", ">"),
        number=lambda kind, label: f"Exercise {label}" if kind == "exercise" else f"{kind} {label}",
        picture=lambda address: f"data:{address}",
        link=lambda text, address: f"[{text}](to {address})",
        checks=lambda: "| {eq}`a` |\n|---|",
        question=lambda name, body: (body, f"Right: {{eq}}`{name}`\n: Why."),
    )


def plain_text(source: str) -> str:
    return "\n---\n".join(piece.text for piece in markup.pieces(source, words()))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("as {cite:p}`a,b` says", "as <cite:p a,b> says"),
        ("{ref}`the rule <rule>`", "<ref rule the rule>"),
        ("two {eq}`a`, {eq}`b`", "two <eq a>, <eq b>"),
        ("`{eq}` is a role, ``{eq}`a` `` too", "`{eq}` is a role, ``{eq}`a` `` too"),
        ("$$\nx\n$$ (a-b)", "$$\nx \\tag{equation a-b}\n$$"),
        ("$$ x $$ (a)", "$$\nx \\tag{equation a}\n$$"),
        ("$$\nx\n$$", "$$\nx\n$$"),
        ("Let\n$$\nx\n$$\nbe", "Let\n\n$$\nx\n$$\n\nbe"),
        ("```{math}\n:label: a\nx\n```", "$$\nx \\tag{equation a}\n$$"),
        ("(here)=\n## Title", "## Title"),
        ("% a comment\ntext<!-- or\nthis -->", "text"),
        ("a\n\n+++\n\nb", "a\n\n\nb"),
        ("```{note}\none\n\ntwo {eq}`a`\n```", "> **Note**\n>\n> one\n>\n> two <eq a>"),
        ("a\n\n```{margin}\nso {eq}`a`\n```", "a\n\n> **By the way**\n>\n> so <eq a>"),
        (":::{tip} Title\ntext\n:::", "> **Tip Title**\n>\n> text"),
        ("```{admonition} T\n:class: important\nx\n```", "> **T**\n>\n> x"),
        ("````{seealso}\n```python\nx\n```\n````", "> **See also**\n>\n> ```python\n> x\n> ```"),
        ("```{prf:theorem} T\nx\n```", None),
        ("```{proof:theorem} T\nx\n```", "> **Theorem T**\n>\n> x"),
        (
            "```{admonition} T\n:class: dropdown\nx $y$\n```",
            "<details>\n<summary>T</summary>\n\nx $y$\n\n</details>",
        ),
        (":::{dropdown} T\nx\n:::", "<details>\n<summary>T</summary>\n\nx\n\n</details>"),
        (
            "```{figure} a.svg\n:name: f\n:alt: A house.\n\nIts {eq}`a`.\n```",
            "![A house.](data:a.svg)\n\n**figure f** Its <eq a>.",
        ),
        ("```{image} a.png\n:alt: A house.\n```", "![A house.](data:a.png)"),
        ("![A house](a.png) and [b](b.md)", "![A house](data:a.png) and [b](to b.md)"),
        ("[out](https://example.org) [in](#Title)", "[out](https://example.org) [in](#Title)"),
        ("```{checks}\n```", "| <eq a> |\n|---|"),
        ("a[^n] b[^m]\n\n[^n]: why", "a<sup>1</sup> b<sup>2</sup>\n\n<sup>1</sup>  why"),
        (
            "```{question} q\nWhat is {eq}`a`?\n```",
            "> **Stop and predict**\n>\n> What is <eq a>?\n\n"
            "<details>\n<summary>Answer</summary>\n\n- **Right: <eq q>**: Why.\n\n</details>",
        ),
        ("Term\n: what it\n  means", "- **Term**: what it\n  means"),
        ("```python\n{eq}`a`\n$$\n```", "```python\n{eq}`a`\n$$\n```"),
        ("```{code-block} python\nx\n```", "```python\nx\n```"),
        ("```{exercise}\n:label: e\nDo.\n```", "### Exercise e\n\nDo."),
        ("text\n\n```{exercise} T\n:label: e\nDo.\n```", "text\n---\n### Exercise e: T\n\nDo."),
        (
            "```{solution-start} e\n:class: dropdown\n```\nSo.",
            "### Solution to Exercise e\n---\nSo.",
        ),
        ("```{solution} e\n:class: dropdown\nSo.\n```", "### Solution to Exercise e\n---\nSo."),
    ],
)
def test_markup_becomes_markdown(source, expected):
    if expected is None:
        with pytest.raises(markup.MarkupError, match="no plain form"):
            plain_text(source)
        return
    assert plain_text(source) == expected
    assert markup.raw(plain_text(source)) == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("```{tableofcontents}\n```", r"\{tableofcontents\} has no plain form"),
        ("```{note}\nno end", "never closed: ```{note}"),
        ("$$\nno end", "never closed"),
        ("- a\n  ```{note}\n  x\n  ```", "in a list"),
    ],
)
def test_markup_without_a_plain_form_is_an_error_that_names_it(source, reason):
    with pytest.raises(markup.MarkupError, match=reason):
        plain_text(source)


@pytest.mark.parametrize(
    "text",
    [
        "a {eq}`b`",
        "```{note}\nx\n```",
        "::: {note}",
        "(a)=",
        "$$ (a-b)",
        ":class: dropdown",
        "a[^1]",
        "% a",
        "<!-- a -->",
        ": means",
        "{{ a }}",
        "![a](../img/a.svg)",
    ],
)
def test_markup_that_is_left_is_found(text):
    assert markup.raw(text)


@each_notebook
def test_the_markup_of_each_chapter_is_known(page):
    """What has no plain form fails here before it fails the build."""
    for cell in read(page).cells:
        if cell.cell_type == "markdown" and "remove-cell" not in cell.metadata.get("tags", []):
            assert [
                e for p in markup.pieces(cell.source, words()) for e in markup.raw(p.text)
            ] == []


def test_every_label_is_found_below_its_heading():
    source = "# A\n\n$$ x $$ (one)\n\n(two)=\n## B `c`\n\n```{exercise}\n:label: three\n```"
    assert dict(markup.headings(source)) == {"one": "A", "two": "B `c`", "three": "B `c`"}
    assert markup.anchor("B `c`: what, why?") == "#B-c%3A-what%2C-why%3F"
    assert markup.anchor("The $x$") is None


@pytest.mark.parametrize(
    ("kinds", "fine"),
    [
        (["heading", "text", "end", "heading"], True),
        (["heading", "text", "end"], True),
        (["heading", "text", "end", "text"], False),
        (["heading", "end", "code"], False),
    ],
)
def test_nothing_is_folded_that_stands_below_a_solution(kinds, fine):
    cells = {
        "heading": nbformat.v4.new_markdown_cell("### Solution"),
        "text": nbformat.v4.new_markdown_cell("text"),
        "end": nbformat.v4.new_markdown_cell("", metadata={"after_solution": True}),
        "code": nbformat.v4.new_code_cell("# no heading"),
    }
    parts = [nbformat.from_dict(cells[kind]) for kind in kinds]
    if fine:
        assert len(plain.joined(parts)) == len(kinds) - 1
    else:
        with pytest.raises(markup.MarkupError, match="fold it with the solution"):
            plain.joined(parts)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a\nfrom myst_nb import glue\n\nb", "import a\n\nb"),
        ("a = 1\nglue('a', f'{a}', display=False)", "a = 1"),
        ("for a in b:\n    c\n    glue('a',\n         a)\nd", "for a in b:\n    c\nd"),
        ("for a in b:\n    glue('a', a)\nd", "d"),
        ("glue('a', 1)", ""),
    ],
)
def test_code_loses_its_glue(source, expected):
    found = plain_code.without_glue(source)
    assert found == expected
    ast.parse(found)


def test_glue_that_is_a_branch_of_its_own_is_an_error():
    with pytest.raises(ValueError, match="alone in a branch"):
        plain_code.without_glue("if a:\n    glue('a', 1)\nelse:\n    b")


def test_a_cell_with_needs_asks_for_them():
    cell = nbformat.v4.new_code_cell("import thop\n\nthop.profile()")
    assert plain_code.without_imports(cell.source, {"thop"}).strip() == "thop.profile()"
    found = plain_code.guarded("thop.profile()", ["thop", "onnx"])
    assert found == 'if has("thop", "onnx"):\n    import thop\n\n    thop.profile()'


@pytest.mark.parametrize(
    ("tags", "hidden"),
    [
        ([], {}),
        (["hide-input"], {"source_hidden": True}),
        (["hide-output"], {"outputs_hidden": True}),
        (["hide-cell"], {"source_hidden": True, "outputs_hidden": True}),
        (["remove-cell"], {"source_hidden": True, "outputs_hidden": True}),
    ],
)
def test_what_the_page_folds_is_folded(tags, hidden):
    cell = nbformat.v4.new_code_cell("a", metadata={"tags": tags})
    assert plain_code.plain_cell(cell, set()).metadata.get("jupyter", {}) == hidden


def imported(source: str) -> set[str]:
    """The packages that some code imports where nothing asks for them first."""
    nodes = ast.parse(source).body
    modules = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    modules += [n.module for n in nodes if isinstance(n, ast.ImportFrom)]
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)


@each_notebook
def test_a_copy_imports_only_what_the_package_brings(page):
    """And what it says that it needs is what the chapter's own imports name."""
    cells = code_cells(page)
    optional = {name for cell in cells for name in cell.metadata.get("needs", [])}
    assert set().union(*(imported(cell.source) for cell in cells)) <= (
        BASE | {"vaelib", "myst_nb"} | optional
    )
    for cell in cells:
        found = plain_code.plain_cell(cell, optional)
        assert imported(found.source if found else "") <= BASE | {"vaelib"}


def executed(source: str, monkeypatch, missing=()) -> dict:
    """What the cell that stands first in a copy defines, where some packages are missing."""
    import importlib.util as util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name in missing else found(name))
    names = {}
    exec(source, names)
    return names


def test_a_copy_says_in_a_sentence_what_is_missing(monkeypatch, capsys):
    has = executed(plain_code.check(), monkeypatch, {"thop"})["has"]
    assert has("torch", "numpy")
    assert capsys.readouterr().out == ""
    assert not has("torch", "thop")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("This cell needs thop")
    assert "%pip install thop" in line


def test_a_copy_without_the_package_says_what_to_do_and_shows_no_traceback(monkeypatch):
    with pytest.raises(Exception, match="needs vaelib") as caught:
        executed(plain_code.check(), monkeypatch, {"vaelib"})
    (shown,) = caught.value._render_traceback_()
    assert "-m pip install ." in shown
    assert "Traceback" not in shown


def test_a_chapter_says_first_where_its_plain_copy_is():
    for page in notebooks():
        first, title = read(page).cells[:2]
        assert "make lab" in first.source
        assert first.metadata.tags == ["remove-cell"]
        assert title.source.startswith("# ")
        assert not markdown_of(page).startswith("#")


def test_git_ignores_the_readers_copies():
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the book is no git repository")
    command = ["git", "-C", str(ROOT), "check-ignore", "lab/kl.ipynb"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def notebook(text: str, **metadata):
    cells = [nbformat.v4.new_code_cell(text, id="one")]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata))


@pytest.fixture
def folders(tmp_path):
    """A folder of built copies with one in it, and the reader's, where it has been laid."""
    built, target = tmp_path / "copies", tmp_path / "lab"
    built.mkdir()
    (built / "a.ipynb").write_text(notebook("old"))
    assert copies.renew(built, target) == []
    assert (target / "a.ipynb").read_text() == notebook("old")
    return SimpleNamespace(copies=built, target=target, mine=target / "a.ipynb")


def test_a_copy_that_was_only_opened_is_renewed(folders):
    folders.mine.write_text(notebook("old", kernelspec={"name": "other", "display_name": "x"}))
    (folders.copies / "a.ipynb").write_text(notebook("new"))
    assert copies.renew(folders.copies, folders.target) == []
    assert folders.mine.read_text() == notebook("new")


@pytest.mark.parametrize("theirs", [notebook("my work"), "{ half a file", "[]", ""])
def test_a_changed_copy_is_kept_and_the_new_one_laid_beside_it(folders, theirs):
    folders.mine.write_text(theirs)
    assert copies.renew(folders.copies, folders.target) == []  # nothing new: nothing to say
    (folders.copies / "a.ipynb").write_text(notebook("new"))
    (remark,) = copies.renew(folders.copies, folders.target)
    assert "holds your changes" in remark
    assert "a.new.ipynb" in remark
    assert folders.mine.read_text() == theirs
    beside = folders.target / "a.new.ipynb"
    assert beside.read_text() == notebook("new")
    beside.write_text(notebook("my work, too"))
    (folders.copies / "a.ipynb").write_text(notebook("newer"))
    copies.renew(folders.copies, folders.target)
    assert folders.mine.read_text() == theirs
    assert beside.read_text() == notebook("my work, too")
    folders.mine.unlink()
    assert copies.renew(folders.copies, folders.target) == []
    assert folders.mine.read_text() == notebook("newer")


@pytest.mark.parametrize("lost", [None, "", "[1]", "{"])
def test_without_a_record_every_copy_is_taken_for_the_readers(folders, lost):
    record = folders.target / copies.WRITTEN
    record.unlink() if lost is None else record.write_text(lost)
    (folders.copies / "a.ipynb").write_text(notebook("new"))
    assert len(copies.renew(folders.copies, folders.target)) == 1
    assert folders.mine.read_text() == notebook("old")


def test_no_copies_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="run make book"):
        copies.renew(tmp_path, tmp_path / "lab")


def output(*mimes, **metadata):
    return {"output_type": "display_data", "data": dict.fromkeys(mimes, ""), "metadata": metadata}


def test_a_saved_notebook_holds_pictures_instead_of_views():
    mine = output(vaelib_jupyter.VIEW, "image/png", vaelib={})
    others = output(vaelib_jupyter.VIEW, "image/png"), output(vaelib_jupyter.VIEW, vaelib={})
    cells = [{"outputs": [mine, *others]}, {"source": "text"}]
    vaelib_jupyter.keep_pictures({"type": "notebook", "content": {"cells": cells}}, path="a")
    assert list(mine["data"]) == ["image/png"]
    assert all(vaelib_jupyter.VIEW in other["data"] for other in others)
    vaelib_jupyter.keep_pictures({"type": "file", "content": "text"})
    vaelib_jupyter.keep_pictures({"type": "notebook", "content": None})


def test_jupyter_is_told_to_keep_pictures():
    hooks = []
    manager = SimpleNamespace(register_pre_save_hook=hooks.append)
    vaelib_jupyter._load_jupyter_server_extension(SimpleNamespace(contents_manager=manager))
    assert hooks == [vaelib_jupyter.keep_pictures]
    (point,) = vaelib_jupyter._jupyter_server_extension_points()
    told = json.loads((ROOT / "src" / "vaelib_jupyter" / "vaelib.json").read_text())
    assert told["ServerApp"]["jpserver_extensions"] == {point["module"]: True}
