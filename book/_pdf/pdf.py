"""Print the whole book to one file, `_build/book.pdf`: `make pdf`, or `make pdf PAPER=Letter`.

`whole.py` joins the built pages to one, which Chromium prints. Only then is it known on which page
what stands, so it is printed again with the page numbers filled in, until they no longer change.
"""

import os
import sys
from pathlib import Path

import pypdfium2
from playwright.sync_api import sync_playwright
from pypdfium2 import raw

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402

import bookmarks  # noqa: E402
import whole  # noqa: E402

PAPERS = ("A4", "Letter")
NO_BROWSER = (
    "The book is printed by Chromium or Chrome, and there is none: install one, or set the "
    "variable CHROMIUM to its path."
)
# On whole pixels, as a screen may want them, letters would stand unevenly on paper.
ARGUMENTS = [*chromium.ARGUMENTS, "--font-render-hinting=none"]
PASSES = 4  # the second fills the numbers in, and these seldom move a line


def page_numbers(path: Path, names: list[str]) -> dict[str, int]:
    """The page on which each of a PDF's named places is, the first page being 1."""
    with pypdfium2.PdfDocument(path) as document:
        found = {name: raw.FPDF_GetNamedDestByName(document, name.encode()) for name in names}
        return {
            name: raw.FPDFDest_GetDestPageIndex(document, place) + 1
            for name, place in found.items()
            if place
        }


def print_book(book: whole.Whole, folder: Path, browser, paper: str) -> Path:
    """Print a joined book in a browser; the file, which is left in a folder.

    Raises:
        RuntimeError: if the page numbers do not come to rest.
    """
    folder.mkdir(exist_ok=True)
    page, target = folder / "book.html", folder / "book.pdf"
    names, numbers = book.places(), {}
    for _ in range(PASSES):
        page.write_text(book.html(numbers), encoding="utf-8")
        tab = browser.new_page()
        tab.set_default_timeout(0)  # a busy machine takes minutes
        tab.goto(page.as_uri())
        tab.pdf(path=target, format=paper, print_background=True)
        tab.close()
        before, numbers = numbers, page_numbers(target, names)
        if numbers == before:
            bookmarks.add_bookmarks(target, book.entries)
            return target
    raise RuntimeError("the page numbers of the book did not come to rest")


def main(paper: str = "A4") -> None:
    """Print the book and say where it is."""
    if paper not in PAPERS:
        sys.exit(f"The paper is {' or '.join(PAPERS)}, not {paper}.")
    path = chromium.find()
    if path is None and not os.environ.get("CHROMIUM"):
        path = chromium.get()
    if path is None:
        sys.exit(NO_BROWSER)
    target = ROOT / "_build" / "book.pdf"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        printed = print_book(whole.Whole(ROOT), ROOT / "_build" / "pdf", browser, paper)
        browser.close()
    os.replace(printed, target)
    with pypdfium2.PdfDocument(target) as document:
        size = target.stat().st_size / 1e6
        print(f"The book is at {target}: {len(document)} pages, {size:.1f} MB.")


if __name__ == "__main__":
    main(*sys.argv[1:])
