"""Questions in a real JupyterLab: a copy's form answers as the page's does."""

import re

import nbformat
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from book import copies
from tests.browser.conftest import Visit
from tests.browser.jupyterlab import (
    MINUTE,
    SCREEN,
    kernel_of,
    opened,
    python,
    run_all,
    serving,
    shut_down,
)

NUMBER, CHOICE, ORDER = ("kl-price", "kl-furthest", "kl-order")
NAME = "questions.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A notebook with a chapter's questions and their forms, as its plain copy has them."""
    copy = nbformat.read(copies.COPIES / "kl.ipynb", as_version=4)
    asks = [f'vaelib.questions.ask("{name}")' for name in (NUMBER, CHOICE, ORDER)]
    kept = [c for c in copy.cells if c.id in ("check", "questions") or c.source in asks]
    above = [copy.cells[copy.cells.index(c) - 1] for c in kept[2:]]
    copy.cells = [c for c in copy.cells if c in kept or c in above]
    assert len(copy.cells) == 8
    folder = tmp_path_factory.mktemp("questions")
    nbformat.write(copy, folder / NAME)
    return folder


@pytest.fixture(scope="module")
def lab(browser, folder, tmp_path_factory):
    """The notebook in JupyterLab, before and after it was run: its page, panel and kernel."""
    home = tmp_path_factory.mktemp("jupyter")
    with serving(folder, home) as address, Visit(browser, address, viewport=SCREEN) as visit:
        panel = opened(visit, NAME)
        before = panel.inner_text()
        run_all(visit.page)
        expect(panel.locator(".question-form")).to_have_count(3, timeout=5 * MINUTE)
        yield visit, panel, kernel_of(address, home, NAME), before, address


def form(lab, name: str):
    return lab[1].locator(f".question[id^='question-{name}-']")


def check(lab, name: str) -> str:
    asked = form(lab, name)
    asked.get_by_role("button", name="Check").click()
    verdict = asked.locator(".question-verdict")
    expect(verdict).not_to_be_empty()
    return " ".join(verdict.inner_text().split())


def test_before_it_is_run_a_copy_says_how_to_answer_and_hides_what_is_right(lab):
    _, panel, _, before, _ = lab
    assert before.count("Run this cell to answer here.") == 3
    assert "It sits inside the prior" not in before
    assert "unpack" not in before
    assert panel.locator(".jp-Cell .jp-InputPlaceholder, .jp-InputCollapser").count() > 0


def test_a_number_is_judged_as_on_the_page(lab):
    field = form(lab, NUMBER).get_by_role("textbox")
    for answer, said in {
        "1.64": "No. The factor",
        "much": "That is no number. Write a number",
        "7": "Too large.",
        "0.82 nats": "Right.",
    }.items():
        field.fill(answer)
        assert check(lab, NUMBER).startswith(said)
    formula = form(lab, NUMBER).locator(".question-verdict math").first
    expect(formula).to_be_visible()
    assert formula.bounding_box()["width"] > 10


def test_a_choice_is_judged_as_on_the_page(lab):
    assert check(lab, CHOICE).startswith("There is no answer yet.")
    form(lab, CHOICE).get_by_role("radio").nth(1).check()
    assert check(lab, CHOICE).startswith("No. It has moved the furthest")
    form(lab, CHOICE).get_by_role("radio").nth(2).check()
    assert check(lab, CHOICE).startswith("Right. It sits inside")


def test_an_order_is_made_by_keys_and_judged_as_on_the_page(lab):
    page, asked = lab[0].page, form(lab, ORDER)
    right = asked.evaluate("q => JSON.parse(q.querySelector('script').textContent).right[0]")
    assert re.match(r"Line \d cannot stand there\.", check(lab, ORDER))
    for place, line in enumerate(right):
        ids = "all => all.map(each => +each.id.split('-').at(-1))"
        lines = asked.locator("li > span[id]").evaluate_all(ids)
        button = asked.locator(f"li:has([id$='-line-{line}']) button").first
        button.focus()
        for _ in range(lines.index(line) - place):
            page.keyboard.press("Enter")
        expect(button).to_be_focused()
    assert check(lab, ORDER) == "Right: this order stands."


def test_keys_stay_with_the_form(lab):
    """In command mode d d deletes a cell."""
    visit, panel, *_ = lab
    cells = panel.locator(".jp-Cell").count()
    field = form(lab, NUMBER).get_by_role("textbox")
    field.fill("")
    field.focus()
    visit.page.keyboard.type("ddabxx0.5")
    expect(field).to_have_value("ddabxx0.5")
    assert panel.locator(".jp-Cell").count() == cells
    form(lab, CHOICE).get_by_role("radio").first.focus()
    visit.page.keyboard.type("ddaabb")
    assert panel.locator(".jp-Cell").count() == cells


def test_the_text_is_not_said_twice_but_what_to_do_is(lab):
    number, choice = form(lab, NUMBER), form(lab, CHOICE)
    expect(choice.get_by_text("Choose one:")).to_be_visible()
    expect(choice.get_by_text("furthest from the prior")).to_be_hidden()
    expect(number.get_by_text("Take a pencil")).to_be_hidden()
    described = number.get_by_role("textbox").get_attribute("aria-describedby")
    assert "Take a pencil" in lab[0].page.locator(f"[id='{described}']").text_content()


def test_axe_finds_nothing(lab):
    page = lab[0].page
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run('.vae-question', {resultTypes: ['violations']})")
    assert [each["id"] for each in found["violations"]] == []


def test_ids_are_apart_and_an_answer_is_in_python(lab):
    visit, panel, kernel, *_ = lab
    form(lab, CHOICE).get_by_role("radio").nth(0).check()
    check(lab, CHOICE)
    answers = "print([o.answered for o in Out.values() if repr(o) == "
    answers += f"\"QuestionForm('{CHOICE}')\"])"
    for _ in range(50):
        if "'answer': 0" in python(kernel, answers):
            break
        visit.page.wait_for_timeout(100)
    assert "'answer': 0" in python(kernel, answers)
    ids = panel.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    mine = [each for each in ids if each.startswith("question-")]
    assert len(set(mine)) == len(mine)


def test_a_saved_copy_that_is_opened_without_its_kernel_says_how_to_answer(lab):
    visit, panel, _, _, address = lab
    visit.page.keyboard.press("Control+s")
    expect(visit.page.locator(".jp-mod-dirty")).to_have_count(0, timeout=MINUTE)
    expect(panel.locator(".question-form")).to_have_count(3)
    shut_down(address)
    again = opened(visit, NAME)
    expect(again.get_by_text("Run this cell to answer here.")).to_have_count(3, timeout=MINUTE)
    expect(again.get_by_text("Error displaying widget")).to_have_count(0)
