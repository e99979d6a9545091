"""Let a saved notebook show the pictures of its widgets when it is opened again.

A widget's output holds its view, which needs the kernel that made it, and a still picture, or for a
question a sentence. JupyterLab prefers the view, also when that kernel has gone, and then says
"model not found". So the view stays on the screen and is left out of the file. A file that comes
with the package tells Jupyter to load this; it is apart from `vaelib` so that no server imports
PyTorch for it.
"""

VIEW = "application/vnd.jupyter.widget-view+json"


def keep_pictures(model: dict, **_) -> None:
    """Take the views of vaelib's widgets from a notebook that is about to be saved.

    Args:
        model: what Jupyter is about to save: its `type`, and a notebook as `content`.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    for cell in model["content"].get("cells", []):
        for output in cell.get("outputs", []):
            others = {"image/png", "text/markdown"} & output.get("data", {}).keys()
            if "vaelib" in output.get("metadata", {}) and others:
                output["data"].pop(VIEW, None)


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": "vaelib_jupyter"}]


def _load_jupyter_server_extension(server) -> None:
    server.contents_manager.register_pre_save_hook(keep_pictures)
