"""What every widget shares: one module for Jupyter and the page, and a picture where neither runs.

A widget is an anywidget, and so an ipywidget in Jupyter. What it displays also carries a still
picture and, as metadata, the state from which a page without a kernel starts the same module.
"""

import base64
import functools
import importlib.resources
import os
import re
import zlib

import anywidget
from matplotlib.figure import Figure

from vaelib import drawings
from vaelib.devices import plain_torch
from vaelib.plots import png

IMPORT = re.compile(
    r"""^import\s+\{[^{}]*\}\s+from\s+["']\./([^"']+)["'];?[^\S\n]*\n""", re.MULTILINE
)
DOCUMENTATION = re.compile(r"^[^\S\n]*/\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)
SOURCES = importlib.resources.files("vaelib.widgets") / "js"
STATE = "vaelib"  # the key of an output's metadata that holds a widget's state


@functools.cache
def parts(file: str) -> tuple[str, ...]:
    """A file in js/ and before it all that it imports, each once and after its own imports."""
    imported = IMPORT.findall(text_of(file))
    return (*dict.fromkeys(part for other in imported for part in parts(other)), file)


def part(file: str) -> str:
    """A file in js/ without its imports, to be joined behind those files.

    Nor does it keep the comments that describe its functions to its authors: they do not travel.
    """
    return DOCUMENTATION.sub("", IMPORT.sub("", text_of(file)))


def module(file: str) -> str:
    """A file in js/ and all that it imports as one ES module that imports nothing."""
    return "\n".join(part(each) for each in parts(file))


def stylesheet() -> str:
    """The style of all widgets, in Jupyter and on a page, without what only its authors read."""
    return " ".join(re.sub(r"/\*.*?\*/", "", text_of("widgets.css"), flags=re.DOTALL).split())


def text_of(file: str) -> str:
    """The text of a file in js/, as it was written."""
    return (SOURCES / file).read_text(encoding="utf-8")


class Widget(anywidget.AnyWidget):
    """A widget of the book: a subclass names its `source` and draws its `still`.

    The traits that are tagged `sync=True` are what a page starts from. Those that a subclass names
    under Traits can be observed, linked and set from Python in Jupyter; the others are its data.
    """

    source: str  # the file in js/ that holds the subclass's front end
    files: dict = {}  # noqa: RUF012 - data for which the front end asks, by name: what gives the bytes

    def __init_subclass__(cls, **kwargs):
        if "source" in vars(cls):
            cls._esm, cls._css = module(cls.source), stylesheet()
        for name in {"__init__", "still"} & vars(cls).keys():  # whatever is set in torch
            setattr(cls, name, plain_torch(gradients=False)(vars(cls)[name]))
        super().__init_subclass__(**kwargs)

    def still(self) -> tuple[Figure, str]:
        """A figure of the widget as it is now, and a text that says what it shows."""
        raise NotImplementedError

    def page_state(self) -> dict:
        """What a page needs to start this widget, ready for JSON.

        Bytes are compressed; of a network only the digest is told, for its weights travel once.
        """
        inherited = Widget.class_trait_names()
        own = [name for name in self.keys if name not in inherited and not name.startswith("_")]
        return {name: _for_page(getattr(self, name)) for name in sorted(own)}

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = bundled(super()._repr_mimebundle_(include=include, exclude=exclude))
        return _chosen(*self._with_still(*bundle), include, exclude)

    def _with_still(self, data: dict, metadata: dict) -> tuple[dict, dict]:
        """What Jupyter shows, with a still picture and what a page needs, and the metadata.

        Where the page shows nothing but the picture, the book's has its drawings as well.
        """
        fig, alt = self.still()
        image = {"image/png": base64.b64encode(png(fig)).decode(), "text/plain": alt}
        width = round(100 * fig.get_figwidth())
        page = {"widget": self.page_name(), "state": self.page_state()}
        metadata = metadata | {"image/png": {"alt": alt, "width": width}, STATE: page}
        if os.environ.get(drawings.WANTED) and not page["state"]:
            metadata[drawings.KEY] = drawings.drawings(fig)
        return data | image, metadata

    def page_name(self) -> str:
        """What a page calls this widget."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def bundled(bundle) -> tuple[dict, dict]:
    """What a display hook gave: data with metadata, data alone, or nothing."""
    return bundle if isinstance(bundle, tuple) else (bundle or {}, {})


def _chosen(data: dict, metadata: dict, include, exclude) -> tuple[dict, dict]:
    """The types that are asked for, with their metadata; the page's belongs to the picture."""
    kept = {
        kind: value
        for kind, value in data.items()
        if (not include or kind in include) and kind not in (exclude or ())
    }
    dropped = data.keys() - kept.keys()
    if "image/png" in dropped:
        dropped |= {STATE}
    return kept, {key: value for key, value in metadata.items() if key not in dropped}


def deflated(data: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    """Bytes as zlib-compressed base64."""
    packer = zlib.compressobj(9, strategy=strategy)
    return base64.b64encode(packer.compress(data) + packer.flush()).decode()


def _for_page(value):
    if isinstance(value, bytes):
        return {"deflated": deflated(value)}
    if isinstance(value, dict) and "digest" in value:
        return {"network": value["digest"]}
    return value
