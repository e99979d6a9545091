"""The plain copies: as files, in a real JupyterLab, and behind the page's download button."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request

import nbformat
import pytest
from playwright.sync_api import expect

from book import copies
from tests.browser.conftest import Visit, built
from tests.browser.jupyterlab import MINUTE, SCREEN, opened, run_all, serving, shut_down
from tests.pages import ROOT, markdown_of, notebooks, read
from tests.test_questions import directives
from tests.test_questions import questions_of as asked_of

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import forms
import minus
import resolved

RAW = {
    "a role": r"\{[\w:+-]+\} ?`",
    "a directive": r"[`~:]{3,} *\{",
    "a colon fence": r"^\s*:::",
    "a target or label": r"^\([\w:-]+\)=|\$\$ *\([\w:-]+\)",
    "an option": r"^\s*:(?:class|label|name|alt|width|height|nonumber|hidden|open)\b",
    "a role's name": r"\b(?:glue:text|cite:[pt]|numref|solution-(?:start|end))\b",
    "a footnote": r"\[\^",
    "a comment": r"^% |<!--",
    "a file beside the book": r"\.\./|_data/|\bimg/",
}
each_copy = pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)


def copy(page):
    return nbformat.read(copies.COPIES / page.name, as_version=4)


def words(page) -> str:
    """The copy's Markdown without its pictures' data and its code."""
    text = "\n\n".join(cell.source for cell in copy(page).cells if cell.cell_type == "markdown")
    text = re.sub(r"\(data:[^)]*\)", "(data:)", text)
    return re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL)


def raw(text: str) -> list[str]:
    """The markup in a text."""
    found = (re.finditer(pattern, text, re.MULTILINE) for pattern in RAW.values())
    return [match.group() for matches in found for match in matches]


def questions_of(page) -> dict:
    """The questions of a page by their names, in its order."""
    names = [directive.argument for directive in directives(page)]
    return dict(zip(names, asked_of(page), strict=True))


@each_copy
def test_a_copy_holds_no_markup_of_the_book(page):
    assert len(raw(markdown_of(page))) > 20  # so the patterns find what there is
    assert raw(words(page)) == []
    for name, value in resolved.glued(read(page)):
        is_pasted = f"{{glue:text}}`{name}`" in markdown_of(page)
        assert not is_pasted or minus.signed(value) in words(page)


@each_copy
def test_a_copy_has_all_that_the_page_has(page):
    source, text = markdown_of(page), words(page)
    assert text.count(r"\tag{") == len(re.findall(r"^\$\$ \([\w-]+\)$", source, re.MULTILINE))
    assert text.count("](data:)") == source.count("```{figure}")
    assert text.count("\n### Solution to Exercise ") == source.count("```{solution") - source.count(
        "```{solution-end}"
    )
    assert ("## References" in text) == ("{cite:" in source)
    pictures = [
        sum("image/png" in o.get("data", {}) for c in nb.cells for o in c.get("outputs", []))
        for nb in (read(page), copy(page))
    ]
    assert pictures[0] == pictures[1]


@each_copy
def test_each_solution_is_folded_up_to_the_next_heading(page):
    cells = copy(page).cells
    folded = [c for c in cells if c.metadata.get("jp-MarkdownHeadingCollapsed")]
    assert [c.source for c in folded] == re.findall(
        r"^### Solution to Exercise [\d.]+$", words(page), re.MULTILINE
    )
    for cell in folded:
        below = cells[cells.index(cell) + 1 :]
        headings = [c.source for c in below if c.cell_type == "markdown" and c.source[:1] == "#"]
        assert not headings or re.match(r"#{1,3} (?!Solution)", headings[0])


@each_copy
def test_code_is_folded_where_the_page_folds_it(page):
    tags = {c.id: set(c.metadata.get("tags", [])) for c in read(page).cells}
    copied = [cell for cell in copy(page).cells if cell.cell_type == "code" and cell.id in tags]
    folded = [cell.id for cell in copied if "hide-input" in tags[cell.id]]
    hidden = [cell.id for cell in copied if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert hidden == [c.id for c in copied if tags[c.id] & {"hide-input", "remove-cell"}]
    (about,) = (cell.source for cell in copy(page).cells if cell.id == "about")
    assert ("Expand All Code" in about) == bool(folded)


@each_copy
def test_links_of_a_copy_lead_to_headings_and_to_copies(page):
    headings = {p.stem: re.findall(r"^#+ (.*)$", words(p), re.MULTILINE) for p in notebooks()}
    anchors = {stem: {h.replace(" ", "-") for h in texts} for stem, texts in headings.items()}
    links = re.findall(r"\]\(((?!data:|https?:)[^)]*)\)", words(page))
    assert len(links) > 5
    for link in links:
        name, _, anchor = urllib.request.unquote(link).partition("#")
        stem = name.removesuffix(".ipynb") if name else page.stem
        assert not anchor or anchor in anchors[stem], link


@each_copy
def test_a_copy_says_what_is_missing_before_anything_is_imported(page):
    code = [cell.source for cell in copy(page).cells if cell.cell_type == "code"]
    assert 'find_spec("vaelib") is None' in code[0]
    assert not [source for source in code if "glue(" in source or "myst_nb" in source]
    assert not [source for source in code if re.search(r"[\"']\.\.?/|[\"'/]_data|book/", source)]


@each_copy
def test_below_each_question_stands_the_cell_that_shows_its_form(page):
    cells = copy(page).cells
    (data,) = (cell for cell in cells if cell.id == "questions")
    assert data.metadata.jupyter.source_hidden
    forms.questions.unpack(data.source.split('"""')[1])
    asked = questions_of(page)
    for (name, question), place in zip(asked.items(), places_of_forms(cells), strict=True):
        above, cell = cells[place - 1], cells[place]
        assert cell.source == f'vaelib.questions.ask("{name}")'
        assert "Stop and predict" in above.source
        assert above.source.endswith("</details>")
        form = forms.questions.ask(name).html
        assert form.count("<dd>") == len(question.notes)
        assert "mjx-container" not in form
        assert "href" not in form
        assert re.search(r'"kind": ?"(number|choice|order)"', form)
    hidden = [c for c in cells if c.cell_type == "code" and c.id.startswith("ask-")]
    for note in {note for question in asked.values() for note in question.notes.values()}:
        assert not any(note in cell.source for cell in [data, *hidden])


def places_of_forms(cells) -> list[int]:
    return [i for i, cell in enumerate(cells) if cell.source.startswith("vaelib.questions.ask(")]


@pytest.mark.parametrize("page", notebooks()[:2], ids=lambda page: page.stem)
def test_the_download_button_saves_the_copy(base, browser, page):
    """Also from a page that was opened as a file."""
    with Visit(browser, base) as visit:
        visit.open(built(page))
        visit.page.get_by_role("button", name="Download this page").click()
        with visit.page.expect_download() as saving:
            visit.page.get_by_role("link", name=".ipynb").click()
        assert saving.value.suggested_filename == page.name
        found = nbformat.read(saving.value.path(), as_version=4)
        assert found == copy(page)
        assert visit.problems == []


def test_a_markdown_page_offers_its_source(server, browser):
    with Visit(browser, server) as visit:
        visit.open("book/notation.html")
        visit.page.get_by_role("button", name="Download this page").click()
        with visit.page.expect_download() as saving:
            visit.page.get_by_role("link", name=".md").click()
        assert saving.value.suggested_filename == "notation.md"


@pytest.fixture(scope="module")
def folder():
    """A folder of copies within the one that git ignores."""
    target = copies.TARGET / f"test-{os.getpid()}"
    assert copies.renew(copies.COPIES, target) == []
    widget = copy(next(page for page in notebooks() if page.stem == "kl"))
    code = [c for c in widget.cells if c.cell_type == "code" and c.id != "questions"]
    shown = next(c for c in code if "widgets.GaussianKL(" in c.source)
    widget.cells = [*code[:3], shown]
    nbformat.write(widget, target / "widget.ipynb")
    yield target
    shutil.rmtree(target)


@pytest.fixture(scope="module")
def jupyter(folder, tmp_path_factory):
    """The address of a JupyterLab that was started as `make lab` starts it."""
    home = tmp_path_factory.mktemp("jupyter")
    with serving(folder, home) as address:
        assert "vaelib_jupyter | extension was successfully loaded" in (home / "log").read_text()
        yield address


def test_jupyterlab_shows_a_copy_as_it_is_meant(browser, jupyter):
    with Visit(browser, jupyter, viewport=SCREEN) as visit:
        panel = opened(visit, "building.ipynb")
        source = markdown_of(ROOT / "book" / "building.ipynb")
        prose = panel.locator(".jp-MarkdownOutput")
        expect(prose.locator("mjx-container[display=true]")).not_to_have_count(0)
        expect(prose.locator("img")).to_have_count(source.count("```{figure}"))
        expect(prose.last).to_contain_text("References")
        text = "\n".join(prose.all_inner_texts())
        assert [each for each in raw(text) if not each.startswith(("../", "img/"))] == []
        assert "$" not in text
        assert panel.locator("mjx-merror, [data-mjx-error]").count() == 0
        sizes = "images => images.filter(i => i.offsetParent).map(i => i.naturalWidth)"
        assert min(panel.locator(".jp-Notebook img").evaluate_all(sizes)) > 100
        buttons = panel.get_by_role("button", name=re.compile(r"\d+ cells? hidden"))
        assert buttons.count() == source.count("```{solution-start}") + source.count("{solution} ")
        panel.get_by_role("link", name="Exercise 6.2").first.click()
        goal = panel.get_by_role("heading", name="Exercise 6.2", exact=True)
        expect(goal).to_be_in_viewport()
        panel.locator("a[href*='latent.ipynb']").first.click()
        other = visit.page.get_by_role("heading", name=re.compile(r"^2\. "))
        expect(other.first).to_be_visible(timeout=MINUTE)


def test_a_copy_that_was_run_and_saved_shows_pictures_when_it_is_opened_again(
    browser, jupyter, folder
):
    before = git_status()
    with Visit(browser, jupyter, viewport=SCREEN) as visit:
        panel = opened(visit, "widget.ipynb")
        run_all(visit.page)
        live = panel.locator(".vae-root")
        expect(live).to_be_visible(timeout=MINUTE)
        expect(panel.locator(".jp-InputPrompt").last).to_have_text(re.compile(r"\d"))  # has ended
        visit.page.keyboard.press("Control+s")
        expect(visit.page.locator(".jp-mod-dirty")).to_have_count(0, timeout=MINUTE)
        expect(live).to_be_visible()  # what is on the screen stays
        shut_down(jupyter)
        panel = opened(visit, "widget.ipynb")
        picture = panel.locator(".jp-OutputArea-output img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") > 100
        expect(panel.get_by_text("Error displaying widget")).to_have_count(0)
    saved = nbformat.read(folder / "widget.ipynb", as_version=4).cells[-1]
    assert saved.execution_count
    assert set(saved.outputs[0].data) == {"image/png", "text/plain"}
    assert git_status() == before


def git_status() -> str:
    """What git would say has changed."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this copy of the book is no git repository")
    command = ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
