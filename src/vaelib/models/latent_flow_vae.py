"""A VAE whose prior is a flow, learned when the VAE has been trained: the hole is closed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaelib.data import draw_binary
from vaelib.distributions import Distribution
from vaelib.likelihoods import Likelihood
from vaelib.models.base import check_sizes
from vaelib.models.latent_flow import LatentFlow
from vaelib.models.mlp import VAE
from vaelib.parts import CHUNK, rows_at_once


class LatentFlowVAE(VAE):
    """A VAE in two stages: trained under N(0, I), then given a `LatentFlow` as its prior.

    `fit` does both. Encoder and decoder do not move in the second stage, so that the distortion
    stays and the rate falls.

    Args:
        input_dim: as for `VAE`, and so are the others.
        flow_dim: units of each hidden layer of the flow.
        flow_steps: of learning the flow.
        learned: whether the flow is the prior yet.

    Raises:
        ValueError: as `VAE`, or if flow_dim or flow_steps is no integer of 1 or more.

    Source:
        Vahdat, Kreis and Kautz, Score-based Generative Modeling in Latent Space,
        https://arxiv.org/abs/2106.05931, who train both stages at once; see `LatentFlow`.
    """

    set_by_fit = ("image_shape", "learned")

    def __init__(
        self,
        input_dim: int = 784,
        hidden_dim: int | Sequence[int] = 256,
        latent_dim: int = 2,
        flow_dim: int = 64,
        likelihood: str | dict | Likelihood = "bernoulli",
        sigma: float = 1.0,
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
        flow_steps: int = 2000,
        learned: bool = False,
    ):
        sizes = check_sizes({"flow_dim": flow_dim, "flow_steps": flow_steps})
        super().__init__(
            input_dim, hidden_dim, latent_dim, likelihood, sigma, activation, image_shape
        )
        self.arguments |= sizes | {"learned": bool(learned)}
        self.own_prior = LatentFlow(self.latent_dim, sizes["flow_dim"])

    def prior(self) -> Distribution:
        """The flow, or N(0, I) until it is learned."""
        return self.own_prior if self.arguments["learned"] else self.standard_prior()

    def unfinish(self) -> None:
        """Train under N(0, I)."""
        self.arguments["learned"] = False

    def finish(self, data, settings) -> None:
        """Learn the flow from a draw of q(z|x) for each training image."""
        generator = torch.Generator(data.images.device).manual_seed(settings.seed)
        codes = []
        for images in data.images.split(rows_at_once(self, data.images, CHUNK)):
            dynamic = settings.binarize == "dynamic"
            images = draw_binary(images, generator) if dynamic else images
            codes.append(self.posterior(images).sample(generator))
        self.learn_prior(torch.cat(codes), settings.seed)

    def learn_prior(self, codes: Tensor, seed: int = 0) -> list[float]:
        """Learn the flow from codes, (N, D), and make it the prior; see `LatentFlow.learn`."""
        losses = self.own_prior.learn(codes, self.arguments["flow_steps"], seed=seed)
        self.arguments["learned"] = True
        return losses
