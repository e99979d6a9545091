"""What the tests ask of any page, however it was opened."""

import re

import pytest

PHONE_SCREEN = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


def assert_all_is_rendered(visit):
    """No formula is left as TeX, and nothing was asked of another host or went wrong."""
    page = visit.page
    assert page.locator(".math:not(:has(mjx-container))").count() == 0
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    prose = "() => [...document.querySelectorAll('article p')].map(p => p.textContent).join(' ')"
    assert not re.search(r"\\[(\[]|\$[^$]+\$", page.evaluate(prose)), "TeX is left in the text"
    assert visit.problems == []


# The address of each image, its width in pixels and its words; what is hidden is never come near.
IMAGES = """(all) => Promise.all(all.map(async (image) => {
    image.loading = "eager";
    await image.decode().catch(() => null);
    return [image.src, image.naturalWidth, image.alt];
}))"""


def assert_images_are_there(page):
    found = page.locator("article img:not(.toggler)").evaluate_all(IMAGES)  # Sphinx's, of the index
    assert [source for source, width, _ in found if not width] == []
    assert [source for source, _, alt in found if len(alt) <= 20] == []


def text_and_ground(page) -> list[str]:
    """The colours of the first text of the article on the page's ground, and of the page."""
    colors = "p => [getComputedStyle(p).color, getComputedStyle(document.body).backgroundColor]"
    return page.locator("main :is(p, h1, li):not(.hero *)").first.evaluate(colors)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, of a color like rgb(1, 2, 3)."""
    channels = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def lay_out_all(page):
    """Let a page lay out what the reader is not near yet, too, and see to it."""
    page.evaluate("""() => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(".bd-article * { content-visibility: visible !important; }");
        document.adoptedStyleSheets.push(sheet);
        return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    }""")


def become_a_phone(visit):
    """Give a page that is open the screen of a phone, and fingers."""
    session = visit.context.new_cdp_session(visit.page)
    session.send("Emulation.setDeviceMetricsOverride", PHONE_SCREEN)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    visit.page.wait_for_function("screen.width === 390")


def darken(page):
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")


COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that take most of axe's time
ALL = {"rules": {"target-size": {"enabled": True}}}  # WCAG 2.2 AA; left out unless asked for
SHAPES = {"rules": ALL["rules"] | {rule: {"enabled": False} for rule in COLOURS}}

# Of text that looks the same, by its own classes, its parent's, its colours and its size, the first
# is enough to measure, which is most of axe's time: the rest is not to be seen meanwhile.
SPARE = """() => {
    const ground = node => {
        for (let each = node; each; each = each.parentElement) {
            const { backgroundColor, backgroundImage } = getComputedStyle(each);
            if (backgroundImage !== "none") return backgroundImage;
            if (!/^rgba\\(.*, 0\\)$/.test(backgroundColor)) return backgroundColor;
        }
    };
    const hasText = node => [...node.childNodes].some(
        each => each.nodeType === Node.TEXT_NODE && each.textContent.trim());
    const isSeen = node => node.checkVisibility({ visibilityProperty: true });
    const texts = [...document.querySelectorAll("body *:not(svg *)")];
    const seen = new Set();
    for (const node of texts.filter(each => hasText(each) && isSeen(each))) {
        const style = getComputedStyle(node), parent = node.parentElement;
        const looks = [
            node.tagName, node.className, parent.tagName, parent.className, ground(node),
            style.color, style.fontSize, style.fontWeight, style.textDecorationLine,
            getComputedStyle(parent).color, !!node.closest("article"), !!node.closest("p"),
        ].join("|");
        const known = node.children.length ? "known" : "known leaf";
        node.dataset.text = seen.has(looks) ? known : "new";
        seen.add(looks);
    }
    const sheet = new CSSStyleSheet(); // the policy of a page allows no other new rules
    sheet.replaceSync(`[data-text~=leaf] { display: none !important; }
        [data-text=known] { visibility: hidden !important; }
        [data-text=new] { visibility: visible !important; }`);
    document.adoptedStyleSheets.push(sheet);
}"""
SPARE_NOTHING = """() => {
    document.adoptedStyleSheets.pop();
    document.querySelectorAll("[data-text]").forEach(node => delete node.dataset.text);
}"""


# Leave out what would tell axe nothing new, which is most of a page and of its time: the glyphs of
# a formula, which are hidden from screen readers, and code of a class that was there before.
LIGHTEN = """() => {
    scrollTo(0, 0);
    document.querySelectorAll("mjx-container > svg").forEach(each => each.replaceChildren());
    const seen = new Set();
    const isKnown = token => {
        const ground = getComputedStyle(token.closest(".highlight")).backgroundColor;
        const looks = `${token.className} on ${ground}`;
        return seen.has(looks) || !seen.add(looks);
    };
    const tokens = [...document.querySelectorAll(".highlight pre span:not(:has(*))")];
    tokens.filter(isKnown).forEach(token => token.replaceWith(...token.childNodes));
}"""


def assert_axe_objects_to_nothing(page, options=ALL):
    """Fail with a line for each element: rule, where, and what would mend it."""
    options = {"reporter": "no-passes"} | options
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    lines = [
        " ".join([rule["id"], *map(str, node["target"]), "|", *failures(node)])
        for rule in found
        for node in rule["nodes"]
    ]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def assert_axe_objects_to_no_colour(page):
    page.evaluate(SPARE)
    assert_axe_objects_to_nothing(page, {"runOnly": COLOURS})
    page.evaluate(SPARE_NOTHING)


# The text of tables and the ground of their rows, which axe does not see.
ROWS = """() => {
    const clear = color => /^rgba\\(.*, 0\\)$/.test(color);
    const found = new Set();
    for (const row of document.querySelectorAll(":is(thead, tbody, tr)")) {
        const ground = getComputedStyle(row).backgroundColor;
        if (clear(ground)) continue;
        const hides = node => !clear(getComputedStyle(node).backgroundColor);
        for (const node of row.querySelectorAll("*")) {
            const hasText = [...node.childNodes].some(
                each => each.nodeType === Node.TEXT_NODE && each.textContent.trim());
            let inner = node;
            while (inner !== row && !hides(inner)) inner = inner.parentElement;
            if (hasText && inner === row && node.checkVisibility()) {
                found.add(JSON.stringify([getComputedStyle(node).color, ground]));
            }
        }
    }
    return [...found].map(JSON.parse);
}"""


def assert_rows_stand_out(page):
    for text, ground in page.evaluate(ROWS):
        assert contrast(text, ground) > 4.5, (text, ground)


def failures(node) -> list[str]:
    return [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
