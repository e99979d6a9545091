"""Join the built pages to one page, the whole book, as `pdf.py` prints it.

Each page becomes a chapter whose ids begin with the page's name, so that a link from one page to
another leads to its place in the joined one. Solutions and answers, folded on a page, stand at the
end of the book. Where a page number belongs there is a `<span class="page" data-of="id">`.
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import urljoin

import yaml
from bs4 import BeautifulSoup, Tag

STYLE = Path(__file__).with_name("whole.css")
HEADING = re.compile(r"<h[12]\b.*?</h[12]>", re.DOTALL)
MATHML = re.compile(r"<mjx-assistive-mml.*?</mjx-assistive-mml>", re.DOTALL)  # a third of a page
REFERS = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers")
DROPPED = ".headerlink, .copybtn, script, .vae-note, .reading-time, .sd-dropdown, .code-fold, "
DROPPED += ".letters, .in-dark, picture > source"  # paper is light and wide


def spoken(heading: re.Match) -> str:
    """A heading whose formulas have a text, for the contents and the bookmarks."""

    def text(formula: re.Match) -> str:
        return f'<span class="visually-hidden">{re.sub("<[^>]*>", "", formula[0])}</span>'

    return MATHML.sub(text, heading[0])


class Chapter:
    """A built page as a chapter of the whole book.

    Attributes:
        name: the page's name, with which each of its ids begins.
        names: the names of all pages that are in the book.
        title: its first heading, with the number.
        body: the elements of the page.
        solutions: those that were folded on the page, taken out.
        answers: the number of each question and its answer, taken out.
        styles: the addresses of the page's styles.
    """

    def __init__(self, path: Path, names: set[str]):
        self.name, self.path, self.names = path.stem, path, names
        page = HEADING.sub(spoken, path.read_text(encoding="utf-8"))
        page = MATHML.sub("", page)
        self.soup = BeautifulSoup(page, "html.parser")
        self.body = self.soup.select_one("article.bd-article")
        links = self.soup.select("head link[rel~=stylesheet][href]")
        self.styles = [address(path, link["href"]) for link in links]
        for each in self.body.select(DROPPED):
            each.decompose()
        self.title = self.body.h1.get_text().strip()
        self.number = (re.match(r"(\d+)\.", self.title) or [None, self.title])[1]
        self.solutions = [self.moved(each, "Solution") for each in self.body.select(".solution")]
        self.answers = list(map(self.answer_of, self.body.select(".question")))
        if glyphs := self.soup.select_one("svg.glyphs"):
            self.body.insert(0, glyphs.extract())
        for part in (self.body, *self.solutions, *self.answers):
            self.rename(part)

    def moved(self, element: Tag, word: str) -> Tag:
        """An element that goes to the end of the book; in its place is the page on which it is."""
        element["class"] = [each for each in element["class"] if each != "dropdown"]
        place = f'<p class="elsewhere {word.lower()}-place">{word}: {page_of(element["id"])}</p>'
        element.insert_before(BeautifulSoup(place, "html.parser"))
        return element.extract()

    def answer_of(self, question: Tag) -> Tag:
        """The answer to a question, which has a number in the whole book; it is taken out."""
        number = len(question.find_all_previous(class_="question")) + 1
        title = question.select_one(".question-title")
        title.string = f"Question {self.number}.{number}: stop and predict"
        answer = question.select_one("details.question-answer")
        answer.summary.decompose()
        answer.name, answer["id"] = "div", f"{question['id']}-answer"
        head = f"Question {self.number}.{number}, {page_of(question['id'])}"
        head = f'<p class="answer-title">{head}</p>'
        answer.insert(0, BeautifulSoup(head, "html.parser"))
        return self.moved(answer, "Answer")

    def rename(self, part: Tag) -> None:
        """Let every id begin with the page's name, and every link lead to what it then means."""
        for element in (part, *part.find_all(True)):
            for name in ("id", "data-of"):
                if name in element.attrs:
                    element[name] = self.place(element[name])
            for name in REFERS:
                if name in element.attrs:
                    words = element.get_attribute_list(name)
                    element[name] = [self.place(one) for each in words for one in each.split()]
            if "href" in element.attrs:
                self.redirect(element)
            if "src" in element.attrs:
                element["src"] = address(self.path, element["src"])
            element.attrs.pop("loading", None)

    def place(self, identity: str) -> str:
        """An id of the page as it is in the whole book."""
        return placed(self.name, identity)

    def redirect(self, element: Tag) -> None:
        """Let a link lead into the whole book, or to another host; any other is none."""
        page, _, fragment = element["href"].partition("#")
        stem = Path(page).stem if page.endswith(".html") else self.name
        if re.match(r"[a-z]+:", page):
            return
        if (page and not page.endswith(".html")) or stem not in self.names:
            del element["href"]
        else:
            element["href"] = "#" + (placed(stem, fragment) if fragment else stem)

    def __str__(self) -> str:
        inner = "".join(map(str, self.body.contents))
        return chapter(self.name, inner)


def address(path: Path, reference: str) -> str:
    """The whole address of what a page refers to."""
    return urljoin(path.as_uri(), reference)


def placed(name: str, identity: str) -> str:
    """An id of a page as it is in the whole book; a name in a PDF has no slash."""
    return f"{name}--{identity}".replace("/", "-")


def page_of(identity: str) -> str:
    """A link to an element that says its page."""
    return f'<a href="#{identity}">page <span class="page" data-of="{identity}">000</span></a>'


def chapter(name: str, inner: str) -> str:
    """A part of the book that begins on a page of its own."""
    return f'<section class="chapter" id="{name}" style="page: {name}">\n{inner}\n</section>\n'


def appendix(name: str, title: str, chapters: list[Chapter], what: str) -> str:
    """What the pages fold, by chapter; nothing if there is none."""
    parts = [
        f'<section id="{name}--{each.name}"><h2>{escape(each.title)}</h2>'
        f"{''.join(map(str, getattr(each, what)))}</section>"
        for each in chapters
        if getattr(each, what)
    ]
    return chapter(name, f"<h1>{title}</h1>\n{''.join(parts)}") if parts else ""


class Whole:
    """The whole book on one page.

    Attributes:
        entries: the lines of the contents, each a depth, an id and a title.
    """

    def __init__(self, root: Path, only: list[str] | None = None):
        self.config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
        pages = [path for path in pages_of(root) if only is None or path.stem in only]
        self.chapters = [Chapter(path, {page.stem for page in pages}) for path in pages]
        self.styles = max((each.styles for each in self.chapters), key=len)
        self.styles += self.own_styles("terms.css")
        body = "".join(map(str, self.chapters))
        body += appendix("solutions", "Solutions to the exercises", self.chapters, "solutions")
        body += appendix("answers", "Answers to the questions", self.chapters, "answers")
        self.body = BeautifulSoup(body, "html.parser")
        self.entries = list(self.headings())
        self.number_index()

    def headings(self):
        """Chapters and their sections, each as its depth, id and title."""
        for part in self.body.select("section.chapter"):
            yield 1, part["id"], part.h1.get_text().strip()
            for heading in part.select("h2"):
                # The section itself may begin on the page before, which its heading leaves.
                heading["id"] = f"{heading.find_parent('section')['id']}--heading"
                yield 2, heading["id"], heading.get_text().strip()

    def own_styles(self, name: str) -> list[str]:
        """The address of a style that a few pages have, if they are in the book."""
        found = [style for each in self.chapters for style in each.styles if name in style]
        return [style for style in dict.fromkeys(found) if style not in self.styles]

    def number_index(self) -> None:
        """Say behind each line of the index of concepts on which page it is."""
        ids = {element["id"] for element in self.body.find_all(id=True)}
        for link in self.body.select(".concepts dd:not(.see) a[href^='#']"):
            target = link["href"][1:]
            place = f"{target}--heading" if f"{target}--heading" in ids else target
            page = f' <span class="page" data-of="{place}">000</span>'
            link.append(BeautifulSoup(page, "html.parser"))

    def places(self) -> list[str]:
        """The ids whose pages the book names."""
        named = {page["data-of"] for page in self.body.select("span.page")}
        return sorted(named | {identity for _, identity, _ in self.entries})

    def html(self, numbers: dict[str, int]) -> str:
        """The page, with the page numbers that are known."""
        for page in self.body.select("span.page"):
            page.string = str(numbers.get(page["data-of"], "000"))
        lines = "".join(
            f'<li class="depth-{depth}"><a href="#{identity}"><span>{escape(title)}</span>'
            f'<span class="leader"></span><span>{numbers.get(identity, "000")}</span></a></li>'
            for depth, identity, title in self.entries
        )
        contents = chapter("contents", f'<h1>Contents</h1><ul class="contents">{lines}</ul>')
        return (
            f"{self.head()}<body>{self.title_page()}{contents}"
            f'<main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
            f'<div class="bd-article">{self.body}</div></div></div></main></body></html>'
        )

    def head(self) -> str:
        """The head of the page: its styles, and what stands at the foot of each chapter's pages."""
        links = "".join(f'<link rel="stylesheet" href="{escape(href)}">' for href in self.styles)
        feet = "".join(
            f"@page {identity} {{ @bottom-left {{ content: {quoted(title)}; }} }}\n"
            for depth, identity, title in self.entries
            if depth == 1
        )
        return (
            '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
            f"<title>{escape(self.config['title'])}</title>{links}"
            f"<style>{STYLE.read_text(encoding='utf-8')}\n{feet}</style></head>"
        )

    def title_page(self) -> str:
        """The first page."""
        title, author = (escape(self.config[name]) for name in ("title", "author"))
        footer = self.config["html"]["extra_footer"]
        return (
            f'<section class="title-page"><h1>{title}</h1><p class="author">{author}</p>'
            f'<p class="year">{escape(self.config["copyright"])}</p><div class="rights">{footer}'
            "</div></section>"
        )


def quoted(text: str) -> str:
    """A string of CSS."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def pages_of(root: Path) -> list[Path]:
    """The built pages in reading order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [root / "_build" / "html" / f"{name}.html" for name in (toc["root"], *entries)]
