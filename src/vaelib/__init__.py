"""The shared module of the book: variational auto-encoders, one stage of the data's way a file.

A name is imported when it is first used, so that `import vaelib` alone is quick.
"""

import importlib
import importlib.metadata

_HOMES = {
    "checkpoints": ("load", "pretrained", "save"),
    "data": ("ImageDataset", "binarize", "binarize_once", "mnist"),
    "densities": (
        "bernoulli_log_likelihood",
        "continuous_bernoulli_log_likelihood",
        "continuous_bernoulli_log_norm",
        "discretized_logistic_log_likelihood",
        "gaussian_log_likelihood",
    ),
    "effective": ("effective_beta",),
    "evaluation": (
        "LogLikelihood",
        "RateDistortion",
        "active_units",
        "iwae_bound",
        "kl_per_dimension",
        "log_likelihood",
        "mean_variance",
        "rate_distortion",
    ),
    "export": ("export_onnx",),
    "gaussians": ("gaussian_kl",),
    "lab.moons": ("moon_phases",),
    "lab.posterior": ("GridPosterior", "grid_posterior"),
    "models": (
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
    ),
    "objectives": ("Terms", "elbo", "elbo_terms", "reconstruction_log_likelihood"),
    "reading": ("image_dataset",),
    "settings": ("Settings",),
    "training": ("History", "TrainingDiverged", "fit", "mean_terms"),
}
_MODULES = {
    name: name
    for name in (
        *("checkpoints", "checks", "data", "densities", "devices", "distributions", "effective"),
        *("evaluation", "exercises", "export", "files", "gaussians", "importance", "likelihoods"),
        *("loss_probe", "loss_scale", "models", "networks", "objectives", "optimizing", "parts"),
        *("paths", "pictures", "plans", "plots", "provenance", "questions", "reading", "recipes"),
        *("resuming", "settings", "training", "widgets"),
    )
} | {name: f"lab.{name}" for name in ("gradients", "graphs", "holes", "moons", "viewer")}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_NAMES, *_MODULES])


def __getattr__(name: str):
    if name == "__version__":
        return importlib.metadata.version("vaelib")
    if name in _NAMES:
        found = getattr(importlib.import_module(f"vaelib.{_NAMES[name]}"), name)
    elif name in _MODULES:
        found = importlib.import_module(f"vaelib.{_MODULES[name]}")
    else:
        raise AttributeError(f"module 'vaelib' has no attribute {name!r}")
    globals()[name] = found  # asked once
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
