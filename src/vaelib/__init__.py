"""The shared module of the book: variational auto-encoders, one stage of the data's way a file."""

from vaelib import gradients, graphs, holes, moons, plots, recipes, viewer, widgets
from vaelib.checkpoints import load, pretrained, save
from vaelib.data import ImageDataset, binarize, binarize_once, mnist
from vaelib.evaluation import (
    LogLikelihood,
    RateDistortion,
    active_units,
    iwae_bound,
    kl_per_dimension,
    log_likelihood,
    mean_variance,
    rate_distortion,
)
from vaelib.linear_gaussian import LinearGaussian, LinearVAE
from vaelib.models import VAE, Autoencoder
from vaelib.moons import moon_phases
from vaelib.objectives import (
    Terms,
    bernoulli_log_likelihood,
    continuous_bernoulli_log_norm,
    elbo,
    elbo_terms,
    gaussian_kl,
    gaussian_log_likelihood,
    reconstruction_log_likelihood,
)
from vaelib.posterior import GridPosterior, grid_posterior
from vaelib.reading import image_dataset
from vaelib.training import History, TrainingDiverged, fit, mean_terms

__all__ = [
    "VAE",
    "Autoencoder",
    "GridPosterior",
    "History",
    "ImageDataset",
    "LinearGaussian",
    "LinearVAE",
    "LogLikelihood",
    "RateDistortion",
    "Terms",
    "TrainingDiverged",
    "active_units",
    "bernoulli_log_likelihood",
    "binarize",
    "binarize_once",
    "continuous_bernoulli_log_norm",
    "elbo",
    "elbo_terms",
    "fit",
    "gaussian_kl",
    "gaussian_log_likelihood",
    "gradients",
    "graphs",
    "grid_posterior",
    "holes",
    "image_dataset",
    "iwae_bound",
    "kl_per_dimension",
    "load",
    "log_likelihood",
    "mean_terms",
    "mean_variance",
    "mnist",
    "moon_phases",
    "moons",
    "plots",
    "pretrained",
    "rate_distortion",
    "recipes",
    "reconstruction_log_likelihood",
    "save",
    "viewer",
    "widgets",
]
