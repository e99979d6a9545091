"""How `make lab` starts JupyterLab: a saved notebook shows pictures when reopened.

A widget's output holds its view, which needs the kernel that made it, and a still
picture. JupyterLab prefers the view, also when the kernel has gone, and then says
"model not found". So the view stays on the screen and is left out of the file.
"""

VIEW = "application/vnd.jupyter.widget-view+json"


def keep_pictures(model, **_):
    """Take the views from a notebook that is to be saved, where pictures are."""
    if model.get("type") != "notebook" or not model.get("content"):
        return
    for cell in model["content"].get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data.pop(VIEW, None)


c = get_config()  # noqa: F821
c.FileContentsManager.pre_save_hook = keep_pictures
c.LabApp.news_url = None  # the book asks no other host
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
