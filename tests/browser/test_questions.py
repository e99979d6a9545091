"""Questions are answered on the page: by mouse, finger, pen and keyboard, or without a script."""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.judged import ALL, LIGHTEN
from tests.pages import notebooks
from tests.test_questions import questions_of

PAGE = "book/kl.html"
NUMBER, CHOICE, ORDER = (f"#question-kl-{name}" for name in ("price", "furthest", "order"))
# axe reads the whole page whatever it is asked for: leave what holds no question out of it.
ALONE = """() => document.querySelectorAll("article section > :not(section)").forEach((each) => {
    const asks = ".question, .question-kept";
    if (!each.matches(asks) && !each.querySelector(asks)) each.remove();
})"""
KEYS = "Object.keys(localStorage).filter(key => key.startsWith('vaelib-answer '))"


@pytest.fixture
def page(browser, base):
    """The page as a file and served, in a context that has kept nothing."""
    with Visit(browser, base) as one:
        yield one.open(PAGE).page
        assert one.problems == []


@pytest.fixture(scope="module")
def shared(browser, base):
    """The same page, for all tests that leave nothing behind but answers."""
    with Visit(browser, base) as one:
        yield one.open(PAGE).page
        assert one.problems == []


@pytest.fixture
def fresh(shared):
    """The shared page without answers."""
    shared.get_by_role("button", name="Clear my answers").click()
    return shared


def check(page, question: str, answer=None) -> str:
    """Give an answer, if any, and read what is said of it."""
    asked = page.locator(question)
    if isinstance(answer, str):
        asked.get_by_role("textbox").fill(answer)
    elif answer is not None:
        asked.get_by_role("radio").nth(answer).check()
    asked.get_by_role("button", name="Check").click()
    verdict = asked.locator(".question-verdict")
    expect(verdict).not_to_be_empty()
    return " ".join(verdict.inner_text().split())


def lines(page) -> list[int]:
    """The lines in their order, by their ids."""
    ids = page.locator(f"{ORDER} li > span[id]").evaluate_all("all => all.map(each => each.id)")
    return [int(each.rpartition("-")[2]) for each in ids]


def sort_by_keyboard(page, wanted: list[int]):
    """Move each line up to its place with the buttons, by keys alone."""
    for place, line in enumerate(wanted):
        button = page.locator(f"{ORDER} li:has(#question-kl-order-line-{line}) button").first
        button.focus()
        for _ in range(lines(page).index(line) - place):
            page.keyboard.press("Enter")
        expect(button).to_be_focused()
    assert lines(page) == wanted


def right_order(page) -> list[int]:
    state = "q => JSON.parse(q.querySelector('script').textContent).right[0]"
    return page.locator(ORDER).evaluate(state)


@pytest.mark.parametrize(
    "answer", ["0.82", "0,82", ".82 nats", "82/100", "8.2e-1", " +0.8181 NAT "]
)
def test_a_right_number_is_known_however_it_is_written(fresh, answer):
    assert check(fresh, NUMBER, answer).startswith("Right.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("1.64", "No. The factor"),
        ("-0,57", "No. That adds"),
        ("\u22120.57", "No. That adds"),  # a minus sign
        ("1/2", "Too small. Try once more."),
        ("1,000,000", "Too large. Try once more."),
        ("", "There is no answer yet. Write a number"),
        ("much", "That is no number. Write a number"),
        ("1/0", "That is no number. Write a number"),
        ("1.2.3", "That is no number. Write a number"),
        ("0.82 bits", "The answer is asked for in nats."),
        ("<b>1</b>", "That is no number."),
    ],
)
def test_a_wrong_number_gets_its_diagnosis(fresh, answer, said):
    assert check(fresh, NUMBER, answer).startswith(said)


def test_a_second_number_that_nobody_knows_is_shown_the_answer(fresh):
    check(fresh, NUMBER, "7")
    assert check(fresh, NUMBER, "0.01") == "Too small. The answer is in the fold below."


def test_a_choice_is_judged(fresh):
    assert check(fresh, CHOICE).startswith("There is no answer yet.")
    assert check(fresh, CHOICE, 1).startswith("No. It has moved the furthest")
    assert check(fresh, CHOICE, 2).startswith("Right. It sits inside")


def test_everything_can_be_answered_by_keyboard_alone(page):
    page.locator(f"{NUMBER} input").focus()
    page.keyboard.type("0.82")
    page.keyboard.press("Enter")
    expect(page.locator(f"{NUMBER} .question-verdict")).to_contain_text("Right.")
    page.locator(f"{CHOICE} input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f"{CHOICE} .question-verdict")).to_contain_text("Right.")
    sort_by_keyboard(page, right_order(page))
    expect(page.locator(f"{ORDER} .question-said")).to_have_text(re.compile("Now line . of 5"))
    assert check(page, ORDER) == "Right: this order stands."


def test_a_wrong_order_is_told_its_first_line_that_cannot_stand(page):
    right = right_order(page)
    sort_by_keyboard(page, [*right[:2], right[3], right[2], right[4]])
    said = check(page, ORDER)
    assert said.startswith("Line 3 cannot stand there. The integral has become two means")
    expect(page.locator(f"{ORDER} li.is-wrong")).to_have_count(1)
    expect(page.locator(f"{ORDER} li").nth(2)).to_have_class("is-wrong")


def grips(page):
    return page.locator(f"{ORDER} .question-grip")


def spot(grip) -> tuple[float, float]:
    box = grip.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("kind", ["mouse", "pen", "finger"])
def test_a_line_is_dragged(browser, base, kind):
    options = PHONE if kind == "finger" else {}
    with Visit(browser, base, **options) as one:
        page = one.open(PAGE).page
        page.locator(ORDER).evaluate("q => q.scrollIntoView({block: 'center'})")
        before, places = lines(page), [spot(grip) for grip in grips(page).all()]
        session, scrolled = one.context.new_cdp_session(page), page.evaluate("scrollY")

        def send(event, place):
            if kind == "finger":
                points = [{"x": place[0], "y": place[1]}] if event != "End" else []
                touch = {"type": f"touch{event}", "touchPoints": points}
                session.send("Input.dispatchTouchEvent", touch)
                return
            name = {"Start": "Pressed", "Move": "Moved", "End": "Released"}[event]
            mouse = {"type": f"mouse{name}", "x": place[0], "y": place[1], "button": "left"}
            mouse |= {"buttons": int(event != "End"), "clickCount": 1, "pointerType": kind}
            session.send("Input.dispatchMouseEvent", mouse)

        x, y = places[0]
        send("Start", (x, y))
        for share in (0.3, 0.6, 1):
            send("Move", (x, y + share * (places[3][1] - y) + 2))
        expect(page.locator(f"{ORDER} li.is-held")).to_have_count(1)
        assert page.evaluate("scrollY") == scrolled
        send("End", places[3])
        expect(page.locator(f"{ORDER} li.is-held")).to_have_count(0)
        assert lines(page) == [*before[1:4], before[0], before[4]]
        expect(page.locator(f"{ORDER} .question-said")).to_have_text("Now line 4 of 5.")
        assert one.problems == []


def test_answers_are_kept_until_they_are_cleared(page):
    check(page, NUMBER, "1.64")
    check(page, CHOICE, 2)
    sort_by_keyboard(page, right_order(page))
    check(page, ORDER)
    page.reload()
    expect(page.locator(f"{NUMBER} .question-verdict")).to_contain_text("The factor")
    expect(page.locator(f"{NUMBER} input")).to_have_value("1.64")
    expect(page.locator(f"{CHOICE} .question-verdict")).to_contain_text("Right.")
    expect(page.locator(f"{ORDER} .question-verdict")).to_contain_text("Right")
    assert lines(page) == right_order(page)
    assert page.evaluate(f"{KEYS}.length") == 3
    page.get_by_role("button", name="Clear my answers").click()
    expect(page.locator(".question-kept [role=status]")).to_have_text("All answers are cleared.")
    expect(page.locator(f"{NUMBER} input")).to_have_value("")
    expect(page.locator(f"{CHOICE} :checked")).to_have_count(0)
    assert page.locator(".question-verdict:not(:empty)").count() == 0
    assert lines(page) == [0, 1, 2, 3, 4]
    assert page.evaluate(f"{KEYS}.length") == 0


def test_an_answer_to_an_older_text_is_not_shown_and_goes_with_the_next(page):
    check(page, NUMBER, "1.64")
    page.evaluate(f"""() => {{
        const [key] = {KEYS};
        localStorage.setItem(key.replace(/@.*/, "@older"), localStorage.getItem(key));
        localStorage.removeItem(key);
    }}""")
    page.reload()
    expect(page.locator(f"{NUMBER} input")).to_have_value("")
    check(page, NUMBER, "0.82")
    (key,) = page.evaluate(KEYS)
    assert key.startswith("vaelib-answer book/kl#kl-price@")
    assert not key.endswith("older")


@pytest.mark.parametrize("how", ["throw new DOMException('no', 'SecurityError')", "return null"])
def test_a_browser_that_keeps_nothing_is_no_reason_to_complain(browser, base, how):
    with Visit(browser, base) as one:
        refuse = f"Object.defineProperty(window, 'localStorage', {{ get() {{ {how}; }} }})"
        one.page.add_init_script(f"if (location.pathname.endsWith('kl.html')) {refuse}")
        page = one.open(PAGE).page
        assert check(page, NUMBER, "1.64").startswith("No. The factor")
        page.get_by_role("button", name="Clear my answers").click()
        expect(page.locator(f"{NUMBER} input")).to_have_value("")


@pytest.mark.parametrize("damaged", ["{", '"text"', "7", '{"answer":[0,0],"tries":1}', "[]"])
def test_what_is_kept_may_be_damaged(page, damaged):
    check(page, NUMBER, "1.64")
    key = page.evaluate(f"{KEYS}[0]")
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, damaged])
    page.reload()
    assert check(page, NUMBER, "0.82").startswith("Right.")
    assert check(page, CHOICE, 2).startswith("Right.")


def test_what_is_said_has_the_formulas_of_the_note(browser, base):
    with Visit(browser, base) as one:
        page = one.open(PAGE).page
        check(page, NUMBER, "1.64")
        expect(page.locator(f"{NUMBER} .question-verdict mjx-container > svg")).to_have_count(1)
        check(page, CHOICE, 2)
        assert one.problems == []  # axe asks for style sheets where there are none
        page.evaluate(LIGHTEN)
        page.evaluate(ALONE)
        page.evaluate(AXE_SCRIPT + "; null")
        for mode in ("light", "dark"):
            page.emulate_media(color_scheme=mode)
            page.wait_for_selector(f"html[data-theme={mode}]")
            where = {"include": [[".question"], [".question-kept"]]}
            found = page.evaluate("([w, o]) => axe.run(w, o)", [where, ALL])
            assert [each["id"] for each in found["violations"]] == []


def test_on_a_phone_nothing_is_wider_and_every_control_is_large_enough(browser, base):
    with Visit(browser, base, **PHONE) as one:
        page = one.open(PAGE).page
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        controls = page.locator(
            ".question :is(button:not(.copybtn), input[type=text], label.question-option, "
            "summary, .question-grip), .question-kept button"
        )
        for control in controls.all():
            box = control.bounding_box()
            assert box["height"] >= 44
            assert box["width"] >= 44
        for line in page.locator(f"{ORDER} li").all():
            assert line.bounding_box()["width"] < 390


def test_without_javascript_a_question_has_a_folded_answer(browser, base):
    with Visit(browser, base, java_script_enabled=False) as one:
        page = one.page
        page.goto(base + PAGE)
        asked = page.locator(ORDER)
        expect(asked.locator(".question-text li")).to_have_count(5)
        assert (
            page.locator(".question :is(button:not(.copybtn), input), .question-kept").count() == 0
        )
        expect(asked.locator("dl")).to_be_hidden()
        asked.locator("summary").click()
        expect(asked.locator("dl")).to_be_visible()
        expect(asked.locator("dd")).to_have_count(5)
        expect(page.locator(f"{NUMBER} dt").first).to_have_text("Right: 0.82 nats")


def test_on_paper_there_is_the_question_and_a_line_for_the_answer(page):
    check(page, NUMBER, "1.64")
    page.locator(f"{CHOICE} summary").click()
    page.emulate_media(media="print")
    for gone in (
        f"{NUMBER} form > button",
        f"{NUMBER} .question-verdict",
        f"{ORDER} li button",
        ".question-kept",
        f"{CHOICE} summary",
    ):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(f"{NUMBER} .question-text")).to_be_visible()
    edges = page.locator(f"{NUMBER} input").evaluate("i => getComputedStyle(i).borderWidth")
    assert edges == "0px 0px 1px"
    expect(page.locator(f"{NUMBER} summary .on-paper")).to_be_visible()
    expect(page.locator(f"{CHOICE} dl")).to_be_visible()


@pytest.mark.parametrize("chapter", notebooks(), ids=lambda chapter: chapter.stem)
def test_each_question_takes_its_right_answer_and_diagnoses_its_wrong_ones(browser, chapter):
    with Visit(browser, HTML.as_uri() + "/") as one:
        page = one.open(built(chapter)).page
        names = page.locator(".question").evaluate_all("all => all.map(each => each.id)")
        questions = questions_of(chapter)
        assert len(names) == len(questions) > 1
        for name, question in zip(names, questions, strict=True):
            data, at = question.for_script(), f"#{name}"
            if question.kind == "number":
                said = [check(page, at, str(value)) for value in data["values"]]
            elif question.kind == "choice":
                said = [check(page, at, data["right"])]
                said += [
                    check(page, at, i) for i in range(len(data["notes"])) if i != data["right"]
                ]
            else:
                said = [check(page, at)]
                assert said.pop().startswith("Line 1 cannot stand there.")
            assert all(text.startswith("Right. ") == (i == 0) for i, text in enumerate(said))
            assert all(text.startswith("No. ") == (i > 0) for i, text in enumerate(said))
            assert len(set(said)) == len(said)
        assert one.problems == []
