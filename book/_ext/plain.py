"""Write a plain copy of each chapter, for Jupyter, with what stands on the page in place of markup.

The copies are written to `notebooks/` beside the pages when everything is read and numbered. There
`make lab` takes them from, and the page's download button. As a page that is opened as a file may
load nothing but scripts, each copy is also written as one.
"""

import json
import re
import shutil
from pathlib import Path

import nbformat
from sphinx.util import logging

import elsewhere
import forms
import markup
import plain_code
from markup import MarkupError, Piece
from resolved import Book, chapters, places

FOLDER = "notebooks"  # below the pages
logger = logging.getLogger(__name__)


def copy_of(book: Book, page: Path):
    """The plain copy of a chapter, as a notebook; `page` is its built page."""
    optional = {name for cell in book.notebook.cells for name in cell.metadata.get("needs", [])}
    parts = joined([p for cell in book.notebook.cells for p in cells(cell, book, optional)])
    folds = any("jupyter" in cell.metadata for cell in parts)
    first = next(place for place, cell in enumerate(parts) if cell.cell_type == "code")
    public = elsewhere.repository(book.app.config.book_repository)
    check = nbformat.v4.new_code_cell(
        plain_code.check(elsewhere.requirement(public) if public else ""),
        id="check",
        metadata={"jupyter": {"source_hidden": True}},
    )
    parts.insert(first, check)
    parts.insert(1, nbformat.v4.new_markdown_cell(about(folds), id="about"))
    if found := forms.forms_of(page):
        parts.insert(parts.index(check) + 1, forms.data_cell(found))
    if book.cited:
        text = f"## References\n\n{book.references()}"
        parts.append(nbformat.v4.new_markdown_cell(text, id="references"))
    copy = nbformat.v4.new_notebook(cells=parts, metadata=book.notebook.metadata)
    left = [each for c in parts if c.cell_type == "markdown" for each in markup.raw(c.source)]
    if left:
        raise MarkupError(f"markup is left in the plain copy: {left[:3]}")
    nbformat.validate(copy)
    return copy


def about(folds: bool) -> str:
    """What a reader of the copy should know of it, also that some of its code is folded."""
    folded = (
        " Code that only draws or asserts is folded and runs with the rest; "
        "View > Expand All Code opens it."
    )
    return (
        "*A plain copy of a chapter of The Executable VAE Book. Run it, change it, keep it. "
        "The cell below a question takes your answer. "
        "Numbers in the text are those that the book's run of this code has found; "
        f"they do not follow what you change.{folded if folds else ''}*"
    )


def cells(cell, book: Book, optional: set[str]) -> list:
    """The cells of the copy that stand for a cell of the chapter."""
    if cell.cell_type == "code":
        found = plain_code.plain_cell(cell, optional)
        return [found] if found else []
    if "remove-cell" in cell.metadata.get("tags", []):
        return []
    found = markup.pieces(numbered(cell.source, book), book.words)
    parts = [markdown_cell(piece, f"{cell.id}-{number}") for number, piece in enumerate(found)]
    return parts + [forms.ask_cell(name) for name in asked_in(cell.source)]


def asked_in(source: str) -> list[str]:
    """The questions that a cell asks; it says nothing below them, where their forms are."""
    blocks = [
        block for block in markup.blocks(source) if not isinstance(block, str) or block.strip()
    ]
    asks = [isinstance(block, markup.Directive) and block.name == "question" for block in blocks]
    if any(asks) and not all(asks[asks.index(True) :]):
        raise MarkupError("below a question stands more in its cell, where its form should stand")
    return [block.argument for block, is_one in zip(blocks, asks, strict=True) if is_one]


def markdown_cell(piece: Piece, identity: str):
    """A cell; one that ends a solution is marked, as what follows must not be folded with it."""
    cell = nbformat.v4.new_markdown_cell(piece.text, id=identity)
    if piece.collapsed:
        cell.metadata["jp-MarkdownHeadingCollapsed"] = True  # by this JupyterLab folds
    if piece.after_solution:
        cell.metadata["after_solution"] = True
    return cell


def joined(parts: list) -> list:
    """The cells without those that only mark the end of a solution."""
    kept, ended = [], False
    for cell in parts:
        ended = cell.metadata.pop("after_solution", False) or ended
        if cell.cell_type == "markdown" and not cell.source:
            continue
        if ended and not (cell.cell_type == "markdown" and cell.source.startswith("#")):
            raise MarkupError(
                "below the end of a solution stands no heading or exercise, so that JupyterLab "
                f"would fold it with the solution: {cell.source[:60]!r}"
            )
        kept.append(cell)
        ended = False
    return kept


def numbered(source: str, book: Book) -> str:
    """A cell's text with the chapter's number in its title."""
    title = book.env.titles[book.docname].astext()
    heading = f"# {book.title(book.docname, title)}"
    return re.sub(rf"^# {re.escape(title)}$", lambda _: heading, source, flags=re.MULTILINE)


def write_copies(app, error):
    """Write the copies when the pages are written."""
    if error is not None or app.builder.format != "html":
        return
    folder, known = Path(app.outdir) / FOLDER, places(app.env)
    shutil.rmtree(folder, ignore_errors=True)  # a chapter may have got another name
    folder.mkdir(parents=True)
    for docname in chapters(app.env):
        try:
            copy = copy_of(Book(app, docname, known), Path(app.builder.get_outfilename(docname)))
        except ValueError as fault:
            logger.warning("%s has no plain copy: %s", docname, fault)
            continue
        text = nbformat.writes(copy) + "\n"
        path = folder / f"{Path(docname).name}.ipynb"
        path.write_text(text, encoding="utf-8")
        script = f"vaelibDownload({json.dumps(path.name)}, {json.dumps(text)});\n"
        path.with_suffix(".js").write_text(script, encoding="utf-8")


def offer(app, pagename, templatename, context, doctree):
    """Let a page's download button save the plain copy, or the page's Markdown."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button":
                name = Path(button["url"]).name
                button |= {"type": "download", "filename": name}
                if name.endswith(".ipynb"):
                    button["url"] = context["pathto"](f"{FOLDER}/{name}", 1)
                    button["tooltip"] = "Download this chapter for Jupyter"


def setup(app):
    app.connect("html-page-context", offer, priority=600)  # behind the theme, at 501
    app.connect("build-finished", write_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
