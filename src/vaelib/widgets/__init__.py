"""Widgets that run in Jupyter and, with no kernel, on the built page."""

from vaelib.widgets.autoencoder_versus_vae import AutoencoderVersusVAE
from vaelib.widgets.bound_explorer import BoundExplorer
from vaelib.widgets.collapse_explorer import CollapseExplorer
from vaelib.widgets.conditional_explorer import ConditionalExplorer
from vaelib.widgets.draw_digit import DrawDigit
from vaelib.widgets.effective_beta import EffectiveBeta
from vaelib.widgets.gaussian_kl import GaussianKL
from vaelib.widgets.latent_explorer import LatentExplorer
from vaelib.widgets.latent_sliders import latent_sliders
from vaelib.widgets.living_network import LivingNetwork
from vaelib.widgets.playground import Playground
from vaelib.widgets.prior_flow import PriorFlow
from vaelib.widgets.reparameterization import Reparameterization
from vaelib.widgets.training_replay import TrainingReplay

__all__ = [
    "AutoencoderVersusVAE",
    "BoundExplorer",
    "CollapseExplorer",
    "ConditionalExplorer",
    "DrawDigit",
    "EffectiveBeta",
    "GaussianKL",
    "LatentExplorer",
    "LivingNetwork",
    "Playground",
    "PriorFlow",
    "Reparameterization",
    "TrainingReplay",
    "latent_sliders",
]
