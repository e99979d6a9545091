"""Put the widgets of the notebooks on pages that have no kernel.

An output that a widget displayed holds a still picture and, as metadata, the widget's state. On
the page both go into a figure, which book/_static/widgets.js brings to life. Every module and every
network that the pages name is written once, as a script, to _static/widgets.

The directive `widget` shows the widget of another chapter: its argument is the chapter and the
widget's name.
"""

import json
import zlib
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from vaelib import drawings, widgets
from vaelib.checkpoints import pretrained, pretrained_names
from vaelib.widgets import base, network

NOTE = "A still picture: with JavaScript switched on, it is replaced by one that moves."
SLIDERS_NOTE = "Run this chapter in Jupyter to move its sliders: they need Python."


def widget_outputs(path: Path) -> list[tuple[int, int, dict]]:
    """The outputs of a notebook that hold a widget's state.

    Before each stand the index of its cell, and its own among what the cell displayed.
    """
    notebook = nbformat.read(path, as_version=4)
    return [
        (index, place, output)
        for index, cell in enumerate(notebook.cells)
        for place, output in enumerate(o for o in cell.get("outputs", []) if "data" in o)
        if base.STATE in output.metadata
    ]


def code_cells(doctree) -> dict[int, nodes.container]:
    """The code cells of a page, by their places in its notebook."""
    return {
        node["cell_index"]: node
        for node in doctree.findall(nodes.container)
        if node.get("nb_element") == "cell_code"
    }


def mount(app, doctree):
    """Wrap the picture of each widget in a figure that holds its state.

    A picture of which there are drawings is already in one (`drawn.py`).
    """
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = code_cells(doctree)
    bundles = {
        index: [n for n in cell.findall(nodes.container) if n.get("nb_element") == "mime_bundle"]
        for index, cell in cells.items()
    }  # as they are before any is replaced
    for index, place, output in widget_outputs(path):
        if drawings.KEY in output.metadata:
            continue
        bundle = bundles[index][place]
        picture = next(child for child in bundle.children if child.get("mime_type") == "image/png")
        bundle.replace_self(around(picture.children, output))
        used_on_page(app.env, output)


class ShowWidget(SphinxDirective):
    """The widget of another chapter: `{widget} building LatentExplorer`."""

    required_arguments = 2

    def run(self):
        chapter, name = self.arguments
        path = Path(self.env.doc2path(self.env.docname)).parent / f"{chapter}.ipynb"
        self.env.note_dependency(str(path))
        found = [
            output
            for *_, output in widget_outputs(path)
            if output.metadata[base.STATE]["widget"] == name
        ]
        if not found:
            raise self.error(f"wanted a widget {name} in {path.name}, found none")
        png = found[0].data["image/png"].replace("\n", "")
        picture = nodes.image(
            uri=f"data:image/png;base64,{png}",
            alt=found[0].data["text/plain"],
            candidates={"*": f"data:image/png;base64,{png}"},
        )
        used_on_page(self.env, found[0])
        return around([picture], found[0])


def around(picture: list, output) -> list:
    """A widget's picture between the tags of its figure; one without state only says a sentence."""
    widget = output.metadata[base.STATE]
    state = json.dumps(widget["state"]).replace("</", "<\\/")
    if widget["widget"] in widgets.__all__ and widget["state"]:
        opening = f'<figure class="vae-widget" data-widget="{widget["widget"]}">'
        closing = f'<p class="vae-note">{NOTE}</p><script type="application/json">{state}</script>'
    else:
        opening, closing = '<figure class="vae-widget">', f'<p class="vae-note">{SLIDERS_NOTE}</p>'
    return [
        nodes.raw("", opening, format="html"),
        *picture,
        nodes.raw("", f"{closing}</figure>", format="html"),
    ]


def used_on_page(env, output):
    """Note what a page's widget needs: its module and its networks; without state, nothing."""
    widget = output.metadata[base.STATE]
    if not widget["state"]:
        return
    digests = {
        value["network"]
        for value in widget["state"].values()
        if isinstance(value, dict) and "network" in value
    }
    page = env.metadata[env.docname].setdefault("vaelib_widgets", {"modules": [], "networks": []})
    page["modules"] = sorted({*page["modules"], widget["widget"]})
    page["networks"] = sorted({*page["networks"], *digests})


def add_scripts(app, pagename, templatename, context, doctree):
    """A page without widgets loads none of their scripts."""
    if "vaelib_widgets" in app.env.metadata.get(pagename, {}):
        app.add_css_file("widgets/widgets.css")
        app.add_js_file("widgets.js")


def write_scripts(app, error):
    """Write each module and each network that a page names.

    Raises:
        ExtensionError: if a page names a network that is in no checkpoint of the package.
    """
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "widgets"
    target.mkdir(parents=True, exist_ok=True)
    (target / "widgets.css").write_text(base.stylesheet(), encoding="utf-8")
    pages = [
        (name, page["vaelib_widgets"])
        for name, page in app.env.metadata.items()
        if "vaelib_widgets" in page
    ]
    shipped = shipped_networks() if any(page["networks"] for _, page in pages) else {}
    lost = set()
    for name, page in pages:
        for module in page["modules"]:
            write_module(target, module)
        for digest in page["networks"]:
            if digest in shipped:
                write_network(target, digest, shipped[digest])
            else:
                lost.add(name)
    if lost:
        raise ExtensionError(
            f"{', '.join(sorted(lost))}: wanted widgets whose networks are in a checkpoint of the "
            "package, for a page can compute no others: refresh the notebook after `make "
            "checkpoints`"
        )


def write_module(target: Path, name: str):
    """Write the list of a widget's parts, each part, which others may share, and its data."""
    kind = getattr(widgets, name)
    parts = base.parts(kind.source)
    (target / f"{name}.js").write_text(f'vaelib.modules["{name}"] = {json.dumps(parts)};\n')
    for part in parts:
        text = f'vaelib.parts["{part}"] = {json.dumps(base.part(part))};\n'
        (target / part).write_text(text, encoding="utf-8")
    for file, make in kind.files.items():
        text = f'vaelib.data["{file}"] = "{base.deflated(make())}";\n'
        (target / f"{file}.js").write_text(text)


def write_network(target: Path, digest: str, packed: dict):
    """Write a packed network; layers and planes have a checksum each."""
    layers, planes = json.dumps(packed["layers"]).encode(), network.planes(packed["data"])
    numbers = base.deflated(planes, zlib.Z_FILTERED)  # few of their bytes are a text's repetitions
    text = json.dumps({"layers": base.deflated(layers), "planes": numbers})
    (target / f"{digest}.js").write_text(f'vaelib.networks["{digest}"] = {text};\n')


def shipped_networks() -> dict[str, dict]:
    """The networks in the checkpoints of the package that a page can compute, packed, by digest."""
    models = [pretrained(name) for name in pretrained_names()]
    packed = [each for model in models for each in networks_of(model)]
    return {each["digest"]: each for each in packed}


def networks_of(module) -> list[dict]:
    """Whatever of a module is a chain of layers that a page can compute, packed.

    Of a model that is its encoder and decoder, if they are made of linear layers, and the networks
    of its flows. A network of convolutions is none.
    """
    try:
        return [network.pack(module)]
    except ValueError:
        return [packed for part in module.children() for packed in networks_of(part)]


def setup(app):
    app.add_directive("widget", ShowWidget)
    app.connect("doctree-read", mount)
    app.connect("html-page-context", add_scripts, priority=400)  # before lists are replaced
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
