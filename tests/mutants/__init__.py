"""Which modules are mutated, most important first, and by which tests the mutants are to be found.

The tests are those of the shared module's mathematics and training that are not slow. Those of
files, figures, widgets, chapters and the build say nothing more about these modules.
"""

MODULES = (
    *("objectives", "likelihoods", "evaluation", "training"),
    *("models.base", "models.mlp", "models.linear", "models.flow", "models.hierarchical"),
    *("models.conditional", "models.convolutional", "models.vamp", "models.latent_flow"),
    *("models.latent_flow_vae", "models.vq", "models.code_prior", "data"),
    *("densities", "importance", "optimizing", "devices"),  # what the first ones compute with
)
TESTS = (
    *("checkpoints", "checks", "contract", "data", "devices", "distributions", "evaluation"),
    *("families", "gradients", "image_kinds", "likelihoods", "linear_gaussian", "memory", "models"),
    *("numerics", "objectives", "posterior", "reading", "resuming", "state", "training"),
)
