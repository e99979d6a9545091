"""An index of concepts: where the book explains and uses each term of the glossary.

The directive `concepts` lists the terms by letter. First stand the places that the term's entry
names; the others are found in the read pages: in each chapter the sections and exercises in whose
prose one of the term's names stands most. Nothing is marked in the chapters.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise import nodes as exercises

import glossary
import spelling

# Words that mean other things as well, or stand everywhere: the glossary names all their places.
ONLY_NAMED = {"code", "evidence", "flow", "latent variable", "rate", "VAE"}
LEFT_OUT = {"Summary", "What was checked", "Exercises"}
BEGINNING = "its beginning"  # what stands below a chapter's title
MOST = 2  # sections of a chapter, and exercises
RARE = 30  # in the whole book: then it counts if it stands once in a section, and else twice
logger = logging.getLogger(__name__)
EXERCISES = (exercises.exercise_node, exercises.exercise_enumerable_node)
INNER = (nodes.section, *EXERCISES, exercises.solution_node)  # what is counted by itself


@dataclass
class Place:
    """A section or an exercise, and how often each term, by its number, stands in it."""

    page: str
    anchor: str
    title: str
    is_exercise: bool
    found: Counter


class Concepts(SphinxDirective):
    """The index."""

    def run(self):
        self.env.metadata[self.env.docname]["concepts"] = True
        return [nodes.container(classes=["concepts", "no-prose"])]


def chapters(env) -> list[str]:
    """The pages that are notebooks, in the book's order."""
    numbered = [name for name in env.found_docs if env.toc_secnumbers.get(name, {}).get("")]
    return sorted(numbered, key=lambda name: env.toc_secnumbers[name][""])


def counted(text: list[str], phrases: dict[tuple, list[int]]) -> Counter:
    """How often each term stands in a list of stems, the longest name first."""
    longest, found, at = max(map(len, phrases)), Counter(), 0
    while at < len(text):
        lengths = range(min(longest, len(text) - at), 0, -1)
        length = next((n for n in lengths if tuple(text[at : at + n]) in phrases), 0)
        found.update(phrases[tuple(text[at : at + length])] if length else ())
        at += length or 1
    return found


def phrases_of(entries: list[glossary.Entry]) -> dict[tuple, list[int]]:
    """Each name of a term, in stems, with the terms that have it."""
    found: dict[tuple, list[int]] = {}
    for number, entry in enumerate(entries):
        for words in dict.fromkeys(entry.words):
            found.setdefault(words, []).append(number)
    return found


def places(env, entries: list[glossary.Entry]) -> list[Place]:
    """All sections and exercises of the chapters, in order, with the terms that stand in them."""
    phrases, language = phrases_of(entries), spelling.SearchField({})
    stem = cache(language.stem)

    def place(page: str, node, title: str, *texts) -> Place:
        words = map(stem, language.split("\n".join(texts)))
        found = counted(list(words), phrases)
        return Place(page, node["ids"][0], title, isinstance(node, EXERCISES), found)

    found = []
    for page in chapters(env):
        tree = glossary.tree_of(env, page)
        for section in glossary.sections_of(tree):
            title = section[0].astext()
            title = BEGINNING if isinstance(section.parent, nodes.document) else title
            if title not in LEFT_OUT:
                found.append(place(page, section, title, *spelling.texts(section, INNER)))
        for exercise in tree.findall(lambda node: isinstance(node, EXERCISES)):
            parts = [exercise, *solutions_to(exercise["label"], tree)]
            texts = (text for part in parts for text in spelling.texts(part))
            found.append(place(page, exercise, title_of(env, page, exercise), *texts))
    return found


def solutions_to(label: str, tree) -> list:
    """The solutions to an exercise."""
    found = tree.findall(exercises.solution_node)
    return [each for each in found if each["target_label"] == label]


def title_of(env, page: str, exercise) -> str:
    """What an exercise is called: its number, and its title if it has one, as the museum's have."""
    number = ".".join(map(str, env.toc_fignumbers[page]["exercise"][exercise["label"]]))
    titles = exercise[0].findall(exercises.exercise_subtitle)
    return ": ".join([f"Exercise {number}", *(title.astext() for title in titles)])


def lists(env) -> list[tuple[glossary.Entry, list[Place], list[Place]]]:
    """Each term with the places that explain it and those that use it.

    A term that no chapter has is a warning, which fails the build.
    """
    entries = glossary.entries(env)
    everywhere = places(env, entries)
    found = []
    for number, entry in enumerate(entries):
        targets = [target for kind, target in entry.places if kind == "section"]
        main = [place for each in targets if (place := named(env, each, everywhere))]
        counts = [(place, place.found[number]) for place in everywhere]
        if not any(count for _, count in counts):
            logger.warning(
                "no chapter has the term: %s", entry.names[0], location=glossary.GLOSSARY
            )
        others = [] if entry.names[0] in ONLY_NAMED else chosen(counts, main)
        found.append((entry, main, others))
    return found


def named(env, target: str, everywhere: list[Place]) -> Place | None:
    """The place that the glossary names; none if there is none, which `glossary` warns of."""
    page, section = glossary.section_of(env, target) or (None, None)
    found = (each for each in everywhere if each.page == page and each.anchor in section["ids"])
    return next(found, None)


def chosen(counts: list[tuple[Place, int]], main: list[Place]) -> list[Place]:
    """The places of each chapter in which a term stands most, but for those that explain it."""
    least = 1 if sum(count for _, count in counts) <= RARE else 2
    found = []
    for page in dict.fromkeys(place.page for place, _ in counts):
        for is_exercise in (False, True):
            some = [
                (count, place)
                for place, count in counts
                if (place.page, place.is_exercise) == (page, is_exercise)
                and count >= least
                and place not in main
            ]
            best = sorted(some, key=lambda each: -each[0])[:MOST]
            found += [place for _, place in some if any(place is each for _, each in best)]
    return found


def fill(app, doctree, docname):
    """Write the index in its place, once all pages are read and numbered."""
    for holder in doctree.findall(nodes.container):
        if "concepts" in holder["classes"]:
            letters: dict[str, list] = {}
            for name, item in sorted(items(app, docname), key=lambda each: each[0].lower()):
                letters.setdefault(name[0].upper(), []).append(item)
            holder += jumps(letters)
            for letter, of_letter in letters.items():
                holder += nodes.rubric("", letter, ids=[f"letter-{letter.lower()}"])
                holder += nodes.definition_list("", *of_letter)


def jumps(letters) -> nodes.paragraph:
    """Links to the letters."""
    line = nodes.paragraph(classes=["letters"])
    for letter in letters:
        line += nodes.reference("", letter, internal=True, refid=f"letter-{letter.lower()}")
        line += nodes.Text(" ")
    return line


def items(app, docname: str):
    """The index's items, each with the name by which it is sorted."""
    for entry, main, others in lists(app.env):
        title, *names = entry.names

        def to_entry(text: str, anchor=entry.anchor) -> nodes.reference:
            return glossary.link(app, docname, glossary.GLOSSARY, anchor, nodes.Text(text))

        body = nodes.definition("", *lines(app, docname, entry, main, others))
        yield title, nodes.definition_list_item("", nodes.term("", "", to_entry(title)), body)
        for name in names:
            if name[:4].lower() != title[:4].lower():
                to = nodes.reference("", title, internal=True, refid=anchor_of(entry))
                see = nodes.definition("", nodes.paragraph("", "see ", to), classes=["see"])
                yield name, nodes.definition_list_item("", nodes.term("", name), see)


def anchor_of(entry: glossary.Entry) -> str:
    """The id of a term on the page of the index."""
    return entry.anchor.replace("term-", "of-")


def lines(app, docname: str, entry, main: list[Place], others: list[Place]) -> list:
    """A line for each chapter: first those that explain the term, then those that use it."""
    known = nodes.bullet_list(ids=[anchor_of(entry)])
    for page in dict.fromkeys(place.page for place in (*main, *others)):
        number = ".".join(map(str, app.env.toc_secnumbers[page][""]))
        text = f"{number}. {app.env.titles[page].astext()}: "
        line = nodes.paragraph("", text, classes=["chapter-line"])
        of_page = [(each, True) for each in main if each.page == page]
        of_page += [(each, False) for each in others if each.page == page]
        for at, (place, explains) in enumerate(of_page):
            line += nodes.Text(", " * bool(at))
            to_place = glossary.link(app, docname, page, place.anchor, nodes.Text(place.title))
            line += nodes.strong("", "", to_place) if explains else to_place
        known += nodes.list_item("", line)
    for target in [target for kind, target in entry.places if kind == "widget"]:
        known += nodes.list_item("", nodes.paragraph("", "", widget(app, docname, target)))
    return [known]


def widget(app, docname: str, target: str) -> nodes.Node:
    """A link to a widget."""
    return glossary.link_to_widget(app, docname, target) or nodes.inline("", target)


def renew(app, env) -> list[str]:
    """The index is written anew whatever has changed, for it is of all pages."""
    return [name for name, page in env.metadata.items() if "concepts" in page]


def add_style(app, pagename, templatename, context, doctree):
    """Only the glossary and the index load their style."""
    if pagename == glossary.GLOSSARY or "concepts" in app.env.metadata.get(pagename, {}):
        app.add_css_file("terms.css")


def setup(app):
    app.add_directive("concepts", Concepts)
    app.connect("env-updated", renew)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", add_style, priority=400)  # before lists are replaced
    return {"parallel_read_safe": True, "parallel_write_safe": True}
