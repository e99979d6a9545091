"""Widgets that run in Jupyter and, with no kernel, on the built page."""

from vaelib.widgets.latent_explorer import LatentExplorer

__all__ = ["LatentExplorer"]
