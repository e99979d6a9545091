"""Search that finds a term under all its spellings, and first the page that a reader wants.

Sphinx writes the index and searches it in the browser. Here it reads words as `spelling` has them,
leaves out code, and is told where the glossary says that a term is explained, and which pages use a
word most; `scorer.js` adds that to Sphinx's own points. What a result shows of its page is found by
`excerpts.js`.
"""

import collections
import functools
import hashlib
import json
from pathlib import Path

import sphinx.search
from docutils import nodes

import glossary
import spelling

EXCERPTS = Path(__file__).parents[1] / "_static" / "excerpts.js"
MOST = 3  # pages of a word that are noted
NOTED = 60  # percent, for the notation where a word is a symbol or its name in code
LESS = {  # they say little in many words
    "book/api": 0.05,
    "book/checks": 0.05,
    "book/references": 0.2,
    "book/glossary": 0.2,
    "book/concepts": 0.1,
}


class Index(sphinx.search.IndexBuilder):
    """Sphinx's index of words, of prose alone."""

    def feed(self, docname: str, filename: str, title: str, doctree) -> None:
        """Take in a page without its code, and with all names of the terms that it explains."""
        page = prose_of(doctree)
        names = [name for name, (place, *_) in terms(self.env).items() if place == docname]
        page += nodes.paragraph("", ", ".join(names))
        super().feed(docname, filename, title, page)

    def load(self, stream, format) -> None:
        """Take over an earlier build's index, with the index entries that Sphinx forgets."""
        super().load(stream, format)
        stream.seek(0)
        earlier = sphinx.search.js_index.load(stream)
        for entry, places in earlier["indexentries"].items():
            for page, identity, is_main in places:
                found = entry, identity, "main" if is_main else ""
                self._index_entries.setdefault(earlier["docnames"][page], []).append(found)

    def freeze(self) -> dict:
        """The index, without the words of earlier builds that no page has any more."""
        for words in (self._mapping, self._title_mapping):
            for word in [word for word, pages in words.items() if not pages]:
                del words[word]
        return super().freeze()


def prose_of(doctree):
    """A page without its code, and with the names of symbols in the place of formulas."""
    page = doctree.deepcopy()
    for node in [each for each in page.findall() if spelling.is_code(each)]:
        if node.parent is not None:
            node.parent.remove(node)
    for node in list(page.findall(lambda each: isinstance(each, nodes.math | nodes.math_block))):
        node.parent.replace(node, nodes.Text(f" {spelling.symbols_of(node.astext())} "))
    return page


def counts(doctree, language: spelling.SearchField) -> collections.Counter:
    """How often each stem stands in a page's prose; what stands in titles counts twice."""
    titles = (title.astext() for title in doctree.findall(nodes.title))
    words = language.split("\n".join([*spelling.texts(doctree), *titles]))
    return collections.Counter(map(functools.cache(language.stem), words))


def shares(env) -> dict[str, list]:
    """Of each stem the pages that have it most, each with its share in percent: [page, %, ...].

    Pages are numbers, the places of their names in order, as Sphinx's own index has them.
    """
    language = spelling.SearchField({})
    trees = {name: glossary.tree_of(env, name) for name in sorted(env.found_docs)}
    pages = {name: counts(tree, language) for name, tree in trees.items()}
    symbols = symbols_in(trees.get(glossary.NOTATION), language)
    found = {}
    for stem in sorted(set().union(*pages.values())):
        weight = {name: LESS.get(name, 1.0) * count[stem] for name, count in pages.items()}
        best = sorted((name for name in pages if weight[name]), key=lambda name: -weight[name])
        if len(best) > 1 and stem not in language.stopwords and not stem.isdigit():
            share = {name: round(100 * weight[name] / sum(weight.values())) for name in best[:MOST]}
            share |= {glossary.NOTATION: NOTED} if stem in symbols else {}
            numbers = {list(pages).index(name): part for name, part in share.items() if part > 4}
            found[stem] = [each for pair in numbers.items() for each in pair]
    return {stem: told for stem, told in found.items() if told}


def symbols_in(notation, language: spelling.SearchField) -> set[str]:
    """The stems of what the page of the notation explains: symbols, and names in code."""
    kinds = nodes.literal | nodes.math
    some = notation.findall(lambda node: isinstance(node, kinds)) if notation else ()
    return {stem for node in some for stem in counts(node, language)}


@functools.cache
def terms(env) -> dict[str, list[str]]:
    """Of each name of a term: where it is explained, and where its entry is.

    The page, the section's id and title; the entry's id, and the term itself.
    """
    found = {}
    for entry in glossary.entries(env) if glossary.GLOSSARY in env.found_docs else []:
        targets = [target for kind, target in entry.places if kind == "section"]
        page, section = glossary.section_of(env, targets[0]) or (None, None)
        if page:
            place = [page, section["ids"][0], section[0].astext()]
            for name in entry.names:
                found[name] = [*place, entry.anchor, entry.names[0]]
    return found


def write(app, error) -> None:
    """Tell the page of the search which pages use a word most, and where terms are explained."""
    if error or app.builder.format != "html" or not app.builder.search:
        return
    path = Path(app.outdir) / "_static" / "language_data.js"  # which each build writes anew
    names = sorted(app.env.found_docs)
    language = spelling.SearchField({})
    known = {" ".join(language.stems(name)): told for name, told in terms(app.env).items()}
    told = {"PAGES": names, "SHARES": shares(app.env), "TERMS": known}
    short = {name: json.dumps(each, separators=(",", ":")) for name, each in told.items()}
    lines = [f"var {name} = {each};" for name, each in short.items()]
    lines.append(EXCERPTS.read_text(encoding="utf-8"))
    path.write_text("\n".join([path.read_text(encoding="utf-8"), *lines, ""]), encoding="utf-8")


def digest() -> str:
    """What tells these rules from those by which pages of an earlier build were read."""
    files = (Path(__file__), Path(spelling.__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def setup(app):
    sphinx.search.IndexBuilder = Index  # there is no other way to say what is indexed
    app.add_search_language(spelling.SearchField)
    app.add_config_value("finding_rules", digest(), "html")  # a change writes all pages anew
    app.connect("build-finished", write, priority=300)  # before pages are delivered
    return {"parallel_read_safe": True, "parallel_write_safe": True}
