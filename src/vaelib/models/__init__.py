"""Families of models, one a file: what they share is in `base`."""

from vaelib.models.base import LatentVariableModel
from vaelib.models.conditional import ConditionalVAE
from vaelib.models.convolutional import ConvolutionalVAE
from vaelib.models.flow import FlowVAE
from vaelib.models.hierarchical import HierarchicalVAE
from vaelib.models.latent_flow import LatentFlow
from vaelib.models.latent_flow_vae import LatentFlowVAE
from vaelib.models.linear import LinearGaussian, LinearVAE
from vaelib.models.mlp import VAE, Autoencoder
from vaelib.models.vamp import VampPriorVAE
from vaelib.models.vq import VQVAE

__all__ = [
    "VAE",
    "VQVAE",
    "Autoencoder",
    "ConditionalVAE",
    "ConvolutionalVAE",
    "FlowVAE",
    "HierarchicalVAE",
    "LatentFlow",
    "LatentFlowVAE",
    "LatentVariableModel",
    "LinearGaussian",
    "LinearVAE",
    "VampPriorVAE",
]
