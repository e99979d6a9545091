"""Write the page that a server shows for an address where nothing is: `404.html`.

It is shown below any folder, so all its links start from the base that it names: the path of the
site's address (`baseurl` in `_config.yml`), or the root. `book/serve.py` serves from the root
whatever that is. Its style stands in it, in case the base is wrong.
"""

from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import plane

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<base href="{base}">
<title>Nothing is here — {book}</title>
<meta name="description" content="There is no page of {book} at this address.">
<meta name="robots" content="noindex">
<link rel="icon" href="_static/favicon.svg" type="image/svg+xml">
<style>
body {{ margin: 0; background: {ground}; color: #cdd5ea; font: 1.1rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 34rem; margin: auto; padding: 12vh 1.5rem 2rem; }}
svg {{ width: 7rem; margin-left: -0.4rem; }}
h1 {{ margin: 1.5rem 0 0.5rem; color: #fff; font-size: 2.4rem; line-height: 1.15; }}
form {{ display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 2rem 0; }}
label {{ flex-basis: 100%; }}
input, button, .home {{
  box-sizing: border-box; min-height: 2.9rem; padding: 0 1.2rem; border: 2px solid #7c89b5;
  border-radius: 2rem; background: {ground}; color: #fff; font: inherit;
}}
input {{ flex: 1 1 12rem; min-width: 0; }}
button {{ cursor: pointer; }}
.home {{
  display: inline-flex; align-items: center; border-color: #ffd479; background: #ffd479;
  color: #14182b; font-weight: 600; text-decoration: none;
}}
:focus-visible {{ outline: 3px solid #fff; outline-offset: 3px; }}
</style>
</head>
<body>
<main>
<svg viewBox="0 0 64 64" aria-hidden="true">{dots}
<circle cx="50" cy="50" r="9" fill="none" stroke="#fff" stroke-width="3" stroke-dasharray="4 3.5"/>
</svg>
<h1>Nothing is here</h1>
<p>This address lies beyond the map: no page of {book} is at it. It may have had another name.</p>
<form action="search.html" role="search">
<label for="words">Search the book</label>
<input id="words" type="search" name="q" autocomplete="off"><button>Search</button>
</form>
<p><a class="home" href="{home}">To the first page</a></p>
</main>
</body>
</html>
"""
DOTS = ((9, 20, 7), (20, 10, 1), (24, 24, 3), (14, 33, 4), (33, 16, 2), (30, 33, 6), (22, 42, 9))


def page(book: str, address: str, home: str) -> str:
    """The page of a site at an address, or at the root of a host that is not known."""
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="3.4" fill="{plane.bright(label)}"/>' for x, y, label in DOTS
    )
    base = urlsplit(address).path.rstrip("/") + "/"
    return PAGE.format(
        base=escape(base, quote=True), book=escape(book), ground=plane.GROUND, dots=dots, home=home
    )


def write(app, error) -> None:
    """Write the page beside the others."""
    if error is None and app.builder.format == "html":
        book = app.config.html_title or app.config.project
        home = app.builder.get_target_uri(app.config.root_doc)
        text = page(book, app.config.html_baseurl or "", home)
        (Path(app.outdir) / "404.html").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
