"""The list of a long page's sections shows where the reader is."""

from tests.browser.conftest import Visit

IN_VIEW = """() => {
  const link = [...document.querySelectorAll(".bd-sidebar-secondary .nav-link.active")].at(-1);
  const list = document.querySelector(".bd-sidebar-secondary").getBoundingClientRect();
  const box = link?.getBoundingClientRect();
  return Boolean(box) && box.top >= list.top && box.bottom <= list.bottom;
}"""
MARKED = """name => [...document.querySelectorAll(".bd-sidebar-secondary .nav-link.active")]
  .some((link) => decodeURIComponent(link.hash) === `#${name}`)"""


def test_the_contents_of_the_module_follow_the_text(browser, server):
    options = {"viewport": {"width": 1400, "height": 900}}
    with Visit(browser, server, **options) as visit:
        page = visit.open("book/api.html").page
        for name in ("vaelib.models.mlp.VAE.encode", "vaelib.widgets.Playground"):
            page.evaluate("name => document.getElementById(name).scrollIntoView()", name)
            page.wait_for_function(MARKED, arg=name)
            page.wait_for_function(IN_VIEW)
        scrolled = "() => document.querySelector('.bd-sidebar-secondary').scrollTop"
        assert page.evaluate(scrolled) > 900
        assert visit.problems == []
