"""Say on each page what it is, to search engines and to who follows a link to it.

A chapter is described by its question (`said.py`), any other page by its first sentence. The
address of the site is `baseurl` in `_config.yml`: only with it are addresses absolute, as the Open
Graph protocol (https://ogp.me) wants them, since nothing else knows where the pages will be. This
is not sphinxext-opengraph since that writes, without it, a relative address as the page's own.
"""

import re
from html import escape, unescape
from pathlib import Path

from docutils import nodes

from said import said

SHORT = 50  # letters: a first sentence of fewer takes the next with it
LONG = 200
MADE = {  # by Sphinx: their titles, and what they are
    "search": ("Search", "Search all pages of {book}."),
    "genindex": ("Index", "All that {book} describes of its module, by name."),
    "py-modindex": ("Python Module Index", "The modules that {book} describes."),
}
IMAGE, SIZE = "_static/social.png", (1200, 630)
IMAGE_TEXT = (
    "The latent plane of handwritten digits, and the digit that the decoder writes at a ring."
)
ICONS = (
    '<link rel="icon" href="{root}_static/favicon.svg" type="image/svg+xml">'
    '<link rel="icon" href="{root}_static/favicon.png" type="image/png" sizes="48x48">'
    '<link rel="apple-touch-icon" href="{root}_static/touch-icon.png" sizes="180x180">'
)


def of_page(env, docname: str) -> str:
    """What a page is, in a sentence or two."""
    book = env.config.html_title or env.config.project
    if docname in MADE:
        return MADE[docname][1].format(book=book)
    if docname not in env.found_docs:
        return f"{book}."
    own = said(Path(env.doc2path(docname)))
    if "question" in own:
        number = ".".join(map(str, env.toc_secnumbers.get(docname, {}).get("", ())))
        return f"{own['question'].replace('`', '')} Chapter {number} of {book}."
    first = env.get_doctree(docname).next_node(nodes.paragraph)
    return sentences(" ".join(first.astext().split()))


def sentences(text: str) -> str:
    """The first sentence of a text, and the next ones as long as it is short."""
    kept = ""
    for each in re.split(r"(?<=[.?!])\s+(?=[A-Z])", text):
        if len(kept) >= SHORT or (len(kept) + len(each) > LONG and kept):
            break
        kept = f"{kept} {each}".strip()
    return kept if len(kept) <= LONG else kept[: LONG - 1].rsplit(" ", 1)[0] + "…"


def tags(title: str, text: str, book: str, root: str, url: str | None) -> str:
    """The elements of a page's head."""
    image = {"og:image": f"{root}{IMAGE}", "og:image:alt": IMAGE_TEXT}
    image |= {"og:image:width": SIZE[0], "og:image:height": SIZE[1]}
    graph = {"og:type": "book" if title == book else "article", "og:site_name": book}
    graph |= {
        "og:title": title,
        "og:description": text,
        **({"og:url": url} if url else {}),
        **image,
    }
    named = {"description": text, "twitter:card": "summary_large_image", "twitter:title": title}
    named |= {"twitter:description": text, "twitter:image": image["og:image"]}
    found = [("property", *each) for each in graph.items()] + [
        ("name", *each) for each in named.items()
    ]
    return "\n".join(
        f'<meta {kind}="{name}" content="{escape(str(value), quote=True)}">'
        for kind, name, value in found
    )


def describe(app, pagename, templatename, context, doctree):
    """Add the elements to a page's head, and the icons."""
    config, root = app.config, context["pathto"]("", 1)
    root = root if root.endswith("/") or not root else f"{root}/"
    site = config.html_baseurl.rstrip("/") + "/" if config.html_baseurl else ""
    book = config.html_title or config.project
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title") or "")) or book
    title = MADE[pagename][0] if pagename in MADE else title
    url = site + app.builder.get_target_uri(pagename) if site else None
    text = of_page(app.env, pagename)
    added = tags(title, text, book, site or root, url) + ICONS.format(root=root)
    context["metatags"] = context.get("metatags", "") + added


def setup(app):
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
