"""A VAE whose prior is made of its own posteriors, so that it lies where the codes lie."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaelib.checks import integer
from vaelib.distributions import Mixture
from vaelib.likelihoods import Likelihood
from vaelib.models.mlp import VAE


class VampPriorVAE(VAE):
    """A VAE with the prior p(z) = 1/K sum_k q(z|u_k), at K images u_k that are learned.

    The best prior for the ELBO is the mean of q(z|x) over the data, too large a sum to compute; a
    few pseudo-inputs u_k stand for the data. The KL has no closed form, so that the bound takes
    log q(z|x) - log p(z) at its own draws.

    Args:
        num_components: how many components the prior has, K.
        input_dim: as for `VAE`, and so are the others.

    Raises:
        ValueError: as `VAE`, or if num_components is no integer of 1 or more.

    Source:
        Tomczak and Welling, VAE with a VampPrior, https://arxiv.org/abs/1705.07120
    """

    def __init__(
        self,
        input_dim: int = 784,
        hidden_dim: int | Sequence[int] = 256,
        latent_dim: int = 2,
        num_components: int = 100,
        likelihood: str | dict | Likelihood = "bernoulli",
        sigma: float = 1.0,
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
    ):
        count = integer("num_components", num_components)
        super().__init__(
            input_dim, hidden_dim, latent_dim, likelihood, sigma, activation, image_shape
        )
        self.arguments["num_components"] = count
        # Log-odds of nearly black images, each with noise of its own: the digits' ground is black.
        self.pseudo_inputs = nn.Parameter(torch.randn(count, self.input_dim) - 3)

    def prior(self) -> Mixture:
        """The mixture of the posteriors of the pseudo-inputs."""
        return Mixture(*self.encode(self.images_of_the_prior()))

    def images_of_the_prior(self) -> Tensor:
        """The pseudo-inputs as images in [0, 1], (K, P)."""
        return torch.sigmoid(self.pseudo_inputs)
