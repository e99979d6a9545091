"""Probabilistic PCA, where everything is known exactly, and the linear VAE that should find it."""

import math

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.distributions import Normal
from vaelib.likelihoods import Gaussian
from vaelib.models.base import LatentVariableModel, check_sizes


class LinearGaussian:
    """Probabilistic PCA: z ~ N(0, I), x | z ~ N(weights z + mean, sigma^2 I).

    Its marginal likelihood and its posterior are Gaussian and known in closed form.

    Args:
        weights: W, (P, D) with D from 1 to P.
        mean: b, (P,).
        sigma: standard deviation of a pixel given z, in the units of x.

    Raises:
        ValueError: if the shapes do not fit or sigma is not positive.

    Source:
        Tipping and Bishop, Probabilistic Principal Component Analysis, Journal of the Royal
        Statistical Society B 61(3), 1999, sections 3.1 and 3.2.
    """

    def __init__(self, weights: Tensor, mean: Tensor, sigma: float):
        if weights.ndim != 2 or not 1 <= weights.shape[1] <= weights.shape[0]:
            raise ValueError(
                f"wanted weights of shape (P, D), D from 1 to P, got {tuple(weights.shape)}"
            )
        if mean.shape != weights.shape[:1]:
            raise ValueError(
                f"wanted a mean of shape ({weights.shape[0]},), got {tuple(mean.shape)}"
            )
        self.weights, self.mean, self.sigma = weights, mean, positive("sigma", sigma)
        self.input_dim, self.latent_dim = weights.shape

    def log_likelihood(self, x: Tensor) -> Tensor:
        """The exact log p(x) = log N(x; mean, W W^T + sigma^2 I): (B, P) -> (B,) nats.

        Raises:
            ValueError: if x is not of shape (B, P).
        """
        self._check(x)
        axes, scales, _ = torch.linalg.svd(self.weights, full_matrices=False)  # (P, D), (D,)
        along = (x - self.mean) @ axes  # of each datum, in the plane of the weights: (B, D)
        across = x - self.mean - along @ axes.T  # what is left of it, noise alone: (B, P)
        deviations = torch.hypot(scales, torch.full_like(scales, self.sigma))
        squares = (along / deviations).square().sum(1) + (across / self.sigma).square().sum(1)
        others = self.input_dim - self.latent_dim  # directions in which only noise is
        log_determinant = 2 * (deviations.log().sum() + others * math.log(self.sigma))
        constant = self.input_dim * math.log(2 * math.pi)
        return -0.5 * (squares + log_determinant + constant)

    def covariance(self) -> Tensor:
        """The covariance of x, W W^T + sigma^2 I: (P, P)."""
        return self.weights @ self.weights.T + self.sigma**2 * self._identity(self.input_dim)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, D) and covariance (D, D) of the exact p(z|x); the covariance is that of every x.

        Raises:
            ValueError: if x is not of shape (B, P).
        """
        self._check(x)
        axes, scales, turn = torch.linalg.svd(self.weights, full_matrices=False)
        deviations = torch.hypot(scales, torch.full_like(scales, self.sigma))
        covariance = (turn.T * (self.sigma / deviations).square()) @ turn
        along = (x - self.mean) @ axes / deviations  # (B, D)
        return (along * (scales / deviations)) @ turn, covariance

    def sample(self, num_samples: int, generator=None) -> Tensor:
        """Draws of x itself, with the noise of the pixels: (num_samples, P).

        Raises:
            ValueError: if num_samples is below 1.
        """
        num_samples = integer("num_samples", num_samples)
        z, eps = (
            self.weights.new_empty(num_samples, size).normal_(generator=generator)
            for size in (self.latent_dim, self.input_dim)
        )
        return z @ self.weights.T + self.mean + self.sigma * eps

    @classmethod
    def maximum_likelihood(cls, x: Tensor, latent_dim: int) -> "LinearGaussian":
        """The parameters under which the data are likeliest, of those with W's columns orthogonal.

        W R has the same likelihood for every rotation R of the latent.

        Args:
            x: data, (N, P).
            latent_dim: D, from 1 to P - 1.

        Raises:
            ValueError: if x is not two-dimensional, D is not in its range, or the data lie in a
                subspace of D dimensions, so that sigma would be zero.

        Source:
            Tipping and Bishop 1999, equations 7 and 8.
        """
        latent_dim = integer("latent_dim", latent_dim, least=None)
        if x.ndim != 2 or not 1 <= latent_dim < x.shape[1]:
            raise ValueError(
                "wanted data of shape (N, P) and latent_dim from 1 to P - 1, "
                f"got {tuple(x.shape)} and {latent_dim}"
            )
        mean = x.mean(0)
        covariance = (x - mean).T @ (x - mean) / len(x)  # of the data: (P, P)
        eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # in rising order
        variance = eigenvalues[:-latent_dim].mean()  # what the D largest leave over
        noise = max(1e-12, 10 * torch.finfo(x.dtype).eps)  # of the eigenvalues' last digits
        if not variance > noise * eigenvalues[-1]:
            raise ValueError(
                f"wanted data that vary in more than {latent_dim} directions, got {len(x)} points "
                f"with a variance of {variance:.1e} in the others"
            )
        scales = (eigenvalues[-latent_dim:] - variance).sqrt()
        return cls(eigenvectors[:, -latent_dim:] * scales, mean, variance.sqrt().item())

    def _identity(self, size: int) -> Tensor:
        return torch.eye(size, dtype=self.weights.dtype, device=self.weights.device)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 2 or x.shape[1] != self.input_dim:
            raise ValueError(f"wanted x of shape (B, {self.input_dim}), got {tuple(x.shape)}")


class LinearVAE(LatentVariableModel):
    """A VAE without a hidden layer, whose decoder is a `LinearGaussian` with learned parameters.

    p(z) = N(0, I), p(x|z) = N(W z + b, sigma^2 I), q(z|x) = N(V x + c, diag(exp(log_var))): the
    log-variance is a parameter, the same for every x. Its pixels may be any numbers.

    Args:
        input_dim: P, pixels of an image.
        latent_dim: D, the dimension of z.
        sigma: standard deviation of a pixel before training; it is learned.
        image_shape: as for `VAE`.

    Raises:
        ValueError: if a size is below 1, sigma is not positive, or image_shape has not input_dim
            pixels.

    Source:
        Lucas et al., Don't Blame the ELBO!, section 4, https://arxiv.org/abs/1911.02469
    """

    def __init__(self, input_dim: int, latent_dim: int, sigma: float = 1.0, image_shape=None):
        sizes = check_sizes({"input_dim": input_dim, "latent_dim": latent_dim})
        pixels = Gaussian(sigma, learned=True, bounded=False)
        arguments = sizes | {"sigma": pixels.arguments["sigma"]}
        super().__init__(*sizes.values(), pixels, image_shape, arguments=arguments)
        self.encoder = nn.Linear(self.input_dim, self.latent_dim)
        self.log_var = nn.Parameter(torch.zeros(self.latent_dim))
        self.decoder = nn.Linear(self.latent_dim, self.input_dim)

    @property
    def sigma(self) -> Tensor:
        """The standard deviation of a pixel, a tensor without axes that has a gradient."""
        return self.pixels.sigma

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x): (B, ...) -> (B, D), (B, D).

        Raises:
            ValueError: if an image has not input_dim pixels.
        """
        mu = self.encoder(self.flatten(images))
        return mu, torch.zeros_like(mu) + self.log_var

    def posterior(self, images: Tensor) -> Normal:
        """q(z|x) = N(V x + c, diag(exp(log_var))); errors as `encode`."""
        return Normal(*self.encode(images))

    def linear_gaussian(self) -> LinearGaussian:
        """The decoder and the prior alone, whose log-likelihood and posterior are exact."""
        weights, bias = self.decoder.weight.detach().clone(), self.decoder.bias.detach().clone()
        return LinearGaussian(weights, bias, self.sigma.item())
