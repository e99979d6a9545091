"""Widgets that run in Jupyter and, with no kernel, on the built page."""

from vaelib.widgets.latent_explorer import LatentExplorer
from vaelib.widgets.latent_sliders import latent_sliders

__all__ = ["LatentExplorer", "latent_sliders"]
