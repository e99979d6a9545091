"""Programs of the book's exercises, checked: what is right, and which mistake was made.

`check_closed_form_kl(your_function)` gives an `Answer`, which is true or false and reads as one
sentence. A function is asked at several inputs whose sizes all differ, and compared with a
reference and with mistakes that readers make. Whatever a program does, it is answered in one
sentence and in less than two seconds.
"""

from vaelib.exercises.answers import Answer
from vaelib.exercises.bounds import (
    check_best_sigma,
    check_bits_per_dimension,
    check_elbo,
    check_iwae_bound,
    check_mutual_information,
    check_normalised_weights,
)
from vaelib.exercises.divergences import check_closed_form_kl, check_coin_kl, check_kl_estimator
from vaelib.exercises.draws import check_exponential, check_leave_one_out, check_reparameterize
from vaelib.exercises.images import check_confidence, check_nearest_distance, check_pca_error
from vaelib.exercises.latents import (
    check_interpolation,
    check_posterior,
    check_quantile_grid,
    check_rotation,
    check_weighted_median,
    check_wide_box,
)
from vaelib.exercises.likelihoods import check_gaussian_log_likelihood, check_log_marginal
from vaelib.exercises.losses import (
    check_best_bias,
    check_effective_beta,
    check_loss,
    check_saved_kl,
)
from vaelib.exercises.networks import (
    check_convolution,
    check_count_parameters,
    check_training_step,
)
from vaelib.exercises.sampling import check_prior_images

__all__ = [
    "Answer",
    "check_best_bias",
    "check_best_sigma",
    "check_bits_per_dimension",
    "check_closed_form_kl",
    "check_coin_kl",
    "check_confidence",
    "check_convolution",
    "check_count_parameters",
    "check_effective_beta",
    "check_elbo",
    "check_exponential",
    "check_gaussian_log_likelihood",
    "check_interpolation",
    "check_iwae_bound",
    "check_kl_estimator",
    "check_leave_one_out",
    "check_log_marginal",
    "check_loss",
    "check_mutual_information",
    "check_nearest_distance",
    "check_normalised_weights",
    "check_pca_error",
    "check_posterior",
    "check_prior_images",
    "check_quantile_grid",
    "check_reparameterize",
    "check_rotation",
    "check_saved_kl",
    "check_training_step",
    "check_weighted_median",
    "check_wide_box",
]
