"""Questions in Firefox, as files and served: keys, mouse, and what is kept."""

import pytest

from tests.browser import firefox as driver
from tests.browser.test_firefox import firefox  # noqa: F401
from tests.browser.test_questions import CHOICE, NUMBER, ORDER, PAGE

ENTER, DOWN = "\ue007", "\ue015"
FIND = "document.querySelector({!r})"
# What has been far away is laid out when it comes near, which moves what is read.
SETTLED = """async (element) => {
  await document.fonts.ready;
  for (let still = 0, last = NaN; still < 10; ) {
    await new Promise(requestAnimationFrame);
    const { top } = element.getBoundingClientRect();
    still = top === last ? still + 1 : 0;
    last = top;
  }
  return null;
}"""


@pytest.fixture
def tab(firefox, base):  # noqa: F811
    tab = driver.Tab(firefox, base).open(PAGE)
    yield tab
    tab.evaluate("(localStorage.clear(), null)")
    assert tab.problems == []
    tab.close()


def focus(tab, selector: str):
    element = FIND.format(selector)
    tab.evaluate(f"({element}.scrollIntoView({{block: 'center', behavior: 'instant'}}), null)")
    tab.evaluate(f"({element}.focus(), null)")
    tab.evaluate(f"({SETTLED})({element})")


def said(tab, question: str, text: str):
    verdict = FIND.format(f"{question} .question-verdict")
    tab.wait_for(f"{verdict}.textContent.includes({text!r})")


def test_a_question_is_answered_by_keyboard_and_kept(tab):
    focus(tab, f"{NUMBER} input")
    for key in ("1", ",", "6", "4", ENTER):
        tab.press(key)
    said(tab, NUMBER, "No.")
    assert tab.evaluate(f"!!{FIND.format(f'{NUMBER} .question-verdict mjx-container svg')}")
    focus(tab, f"{CHOICE} input")
    for key in (" ", DOWN, DOWN, ENTER):
        tab.press(key)
    said(tab, CHOICE, "Right.")
    tab.open(PAGE)
    said(tab, NUMBER, "No.")
    said(tab, CHOICE, "Right.")
    focus(tab, ".question-kept button")
    tab.press(ENTER)
    assert tab.evaluate(f"{FIND.format(f'{NUMBER} input')}.value") == ""
    assert tab.evaluate("Object.keys(localStorage).filter(k => k.startsWith('vaelib-'))") == []


def test_lines_are_put_in_order_by_mouse(tab):
    focus(tab, f"{ORDER} button")
    right = tab.evaluate(f"JSON.parse({FIND.format(f'{ORDER} script')}.textContent).right[0]")
    for place, line in enumerate(right):
        grip = f"question-kl-order-line-{line}"
        box = "{}.getBoundingClientRect()"
        one = tab.evaluate(box.format(f"document.getElementById({grip!r}).parentElement"))
        other = tab.evaluate(box.format(FIND.format(f"{ORDER} li:nth-child({place + 1})")))
        start = one["x"] + 60, one["y"] + one["height"] / 2
        tab.drag([start, (start[0], start[1] - 8), (start[0], other["y"] + 10)])
    focus(tab, f"{ORDER} form > button")
    tab.press(ENTER)
    said(tab, ORDER, "Right: this order stands.")
