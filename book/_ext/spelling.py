"""The words of a page as the search and the index of concepts read them.

A term has one spelling here, whichever a page or a reader writes (`SPELLINGS`, the same rules in
Python and in the browser), code is no prose, and of a formula the names of its symbols count.
"""

import json
import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.search.en import SearchEnglish

GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon"}
GREEK |= {"η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ρ": "rho"}
GREEK |= {"σ": "sigma", "φ": "phi", "µ": "mu"}  # and the sign of a millionth, which looks alike
# Each spelling and what it is read as, in order; the expressions mean the same in JavaScript.
SPELLINGS = [
    *([letter, f" {name} "] for letter, name in GREEK.items()),
    [r"log[\s_-]*var(?:iances?)?\b", "logvar"],
    [r"log[\s_-]*sigma\s*(?:²|\^?2)", "logvar"],
    [r"\bre-?param(?:et(?:e?r)i[sz](?:ation|e[ds]?|ing)|s)?\b", "reparameterization"],
    [r"\bauto-?\s?encod", "autoencod"],
    [r"\bvariational[\s-]+autoencoder", "vae"],
    [r"\b(?:evidence|variational) lower[\s-]bounds?\b", "elbo"],
    [r"\bkullback[\s–-]+leibler\b", "kl"],
    [r"\bkld\b", "kl divergence"],
    [r"\bdkl\b", "kl"],
    [r"\b(?:binary[\s_-]*cross[\s_-]*entropy|bce(?:loss)?)\b", "cross entropy"],
    [r"\bmse(?:[\s_-]?loss)?\b", "squared error"],
    [r"\bbpd\b|\bbits?[\s_-]*(?:per|/)[\s_-]*dim(?:ensions?)?\b", "bits per dimension"],
    [r"\b(?:kl|beta)[\s-]+anneal(?:ing|ed)?\b", "kl warmup"],
    [r"\bwarm(?:ing)?[\s_-]up\b", "warmup"],
    [r"\bhold[\s-]?out\b", "held out"],
    [r"\bvector[\s-]+quanti[sz](?:ation|ed)\b|\bvq[\s-]?vae\b", "vqvae"],
    [r"\bcvae\b", "conditional vae"],
    [r"\bcode[\s-]?book", "codebook"],
    [r"\bbehaviour", "behavior"],
    [r"\bcolour", "color"],
    [r"\bgrey", "gray"],
    [r"\bneighbour", "neighbor"],
    [r"\b(\w{4,})is(ations?|e[ds]?|ing)\b", r"\1iz\2"],
    [r"\b(\w{4,})ll(ed|ing)\b", r"\1l\2"],
]
NAMES = re.compile(
    r"\\log\s*\\(?P<logvar>sigma)(?:_\w)?\s*\^2"
    r"|\\(?:mathrm|operatorname|text)\{(?P<named>\w+)\}"
    r"|\\(?!beta_2)(?P<command>[a-z]{2,})(?![a-z])"  # Adam's is not the weight of the KL
)
SYMBOLS = set(GREEK.values())
ANY = re.compile("|".join(rule for rule, _ in SPELLINGS), re.IGNORECASE | re.ASCII)


def spelled(text: str) -> str:
    """A text with all its terms in one spelling, in small letters."""
    for expression, instead in SPELLINGS if ANY.search(text) else ():
        text = re.sub(expression, instead, text, flags=re.IGNORECASE | re.ASCII)
    return text.lower()


def in_javascript() -> str:
    """Sphinx's `splitQuery` with the same rules."""
    rules = [[rule, instead.replace("\\", "$")] for rule, instead in SPELLINGS]
    return (
        f"const SPELLINGS = {json.dumps(rules)}\n"
        "  .map(([rule, to]) => [new RegExp(rule, 'gi'), to]);\n"
        "function splitQuery(query) {\n"
        "  const text = SPELLINGS.reduce((all, [rule, to]) => all.replace(rule, to), query);\n"
        "  const words = text.toLowerCase().split(/[^\\p{Letter}\\p{Number}_]+/u);\n"
        "  return words.filter((word) => word);\n"
        "}\n"
    )


class SearchField(SearchEnglish):
    """English as this field writes it."""

    lang = "field"
    js_splitter_code = in_javascript()

    def split(self, input: str) -> list[str]:
        """The words of a text, its terms in one spelling."""
        return self._word_re.findall(spelled(input))

    def stems(self, text: str) -> list[str]:
        """The stems of a text's words."""
        return [self.stem(word) for word in self.split(text)]


def is_code(node) -> bool:
    """Whether a node is code or what code printed, or other text that is no prose."""
    if isinstance(node, nodes.container):
        return node.get("nb_element") == "cell_code" or "no-prose" in node["classes"]
    return isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.comment)


def symbols_of(tex: str) -> str:
    """The names of a formula's symbols: Greek letters, and words in capitals."""
    found = (
        "logvar" if match["logvar"] else match["named"] or match["command"]
        for match in NAMES.finditer(tex)
    )
    return " ".join(word for word in found if word in SYMBOLS | {"logvar"} or word.isupper())


def texts(node, without: tuple = ()) -> Iterator[str]:
    """The pieces of prose in a node, in order, without what is in nodes of some classes."""
    if is_code(node) or isinstance(node, nodes.raw):
        return
    if isinstance(node, nodes.math | nodes.math_block):
        yield symbols_of(node.astext())
        return
    if isinstance(node, nodes.Text):
        yield node.astext()
    for child in node.children:
        if not isinstance(child, without):
            yield from texts(child, without)
