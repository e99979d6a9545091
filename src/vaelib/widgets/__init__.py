"""Widgets that run in Jupyter and, with no kernel, on the built page."""

from vaelib.widgets.gaussian_kl import GaussianKL
from vaelib.widgets.latent_explorer import LatentExplorer
from vaelib.widgets.latent_sliders import latent_sliders
from vaelib.widgets.reparameterization import Reparameterization
from vaelib.widgets.training_replay import TrainingReplay

__all__ = [
    "GaussianKL",
    "LatentExplorer",
    "Reparameterization",
    "TrainingReplay",
    "latent_sliders",
]
