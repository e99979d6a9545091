"""How `make lab` starts JupyterLab."""

c = get_config()  # noqa: F821
c.FileContentsManager.pre_save_hook = "vaelib_jupyter.keep_pictures"
c.LabApp.news_url = None  # the book asks no other host
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
