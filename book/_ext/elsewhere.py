"""Open a chapter's plain copy in Google Colab or on Binder, once the book has a public repository.

`book_repository` in `_config.yml` is the repository's address, and empty as long as there is none:
then no page has a button that leads nowhere. Both services open notebooks from a branch, which the
public workflow makes of the folder that the build leaves, `notebooks/`.
"""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

from resolved import chapters

BRANCH = "notebooks"  # to which .github/workflows/book.yml pushes the plain copies
ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
PYTHON = "python-3.11"  # Binder's own may be older than the package needs


def repository(value: str) -> str:
    """OWNER/NAME of a repository's address, or "" if there is none.

    Raises:
        ExtensionError: if it is something else.
    """
    if not value:
        return ""
    found = ADDRESS.fullmatch(value)
    if not found:
        raise ExtensionError(
            "wanted book_repository in _config.yml as https://github.com/OWNER/NAME, or empty, "
            f"got {value!r}"
        )
    return found[1]


def places(owner_and_name: str, copy: str) -> dict[str, str]:
    """Where a plain copy opens, by the service's name."""
    at = f"{owner_and_name}/{BRANCH}"
    return {
        "Google Colab": (
            f"https://colab.research.google.com/github/{owner_and_name}/blob/{BRANCH}/{copy}"
        ),
        "Binder": f"https://mybinder.org/v2/gh/{at}?urlpath=lab/tree/{copy}",
    }


def requirement(owner_and_name: str) -> str:
    """What pip installs `vaelib` by."""
    return f"git+https://github.com/{owner_and_name}"


def offer(app, pagename, templatename, context, doctree):
    """Give a chapter the buttons of both services."""
    name = repository(app.config.book_repository)
    if not name or pagename not in chapters(app.env):
        return
    buttons = [
        {
            "type": "link",
            "url": url,
            "text": service,
            "tooltip": f"Run this chapter on {service}",
            "icon": "fas fa-rocket",
            "label": f"launch-{service.split()[-1].lower()}-button",
        }
        for service, url in places(name, f"{Path(pagename).name}.ipynb").items()
    ]
    context["header_buttons"].insert(
        0,
        {
            "type": "group",
            "tooltip": "Run this chapter elsewhere",
            "icon": "fas fa-rocket",
            "label": "launch-buttons",
            "buttons": buttons,
        },
    )


def write_requirements(app, error):
    """Say in the folder of the plain copies what Binder has to install."""
    name = repository(app.config.book_repository)
    if error or app.builder.format != "html" or not name:
        return
    folder = Path(app.outdir) / "notebooks"
    (folder / "requirements.txt").write_text(f"{requirement(name)}\n", encoding="utf-8")
    (folder / "runtime.txt").write_text(f"{PYTHON}\n", encoding="utf-8")


def setup(app):
    app.add_config_value("book_repository", "", "html", types=[str])
    app.connect("html-page-context", offer, priority=700)  # behind plain.py's
    app.connect("build-finished", write_requirements, priority=900)  # behind the copies
    return {"parallel_read_safe": True, "parallel_write_safe": True}
