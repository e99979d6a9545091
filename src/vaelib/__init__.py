"""The shared module of the book: variational auto-encoders, one stage of the data's way a file."""

from vaelib import gradients, holes, moons, plots, recipes, widgets
from vaelib.checkpoints import load, pretrained, save
from vaelib.data import ImageDataset, image_dataset, mnist
from vaelib.evaluation import iwae_bound
from vaelib.linear_gaussian import LinearGaussian, LinearVAE
from vaelib.models import VAE, Autoencoder
from vaelib.moons import moon_phases
from vaelib.objectives import (
    Terms,
    bernoulli_log_likelihood,
    elbo,
    elbo_terms,
    gaussian_kl,
    gaussian_log_likelihood,
    reconstruction_log_likelihood,
)
from vaelib.training import History, TrainingDiverged, fit, mean_terms

__all__ = [
    "VAE",
    "Autoencoder",
    "History",
    "ImageDataset",
    "LinearGaussian",
    "LinearVAE",
    "Terms",
    "TrainingDiverged",
    "bernoulli_log_likelihood",
    "elbo",
    "elbo_terms",
    "fit",
    "gaussian_kl",
    "gaussian_log_likelihood",
    "gradients",
    "holes",
    "image_dataset",
    "iwae_bound",
    "load",
    "mean_terms",
    "mnist",
    "moon_phases",
    "moons",
    "plots",
    "pretrained",
    "recipes",
    "reconstruction_log_likelihood",
    "save",
    "widgets",
]
