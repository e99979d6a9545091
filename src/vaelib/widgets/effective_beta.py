"""A loss described by its reductions, and the beta that it stands for."""

import math

import traitlets

from vaelib import plots
from vaelib.loss_scale import LIKELIHOODS, REDUCTIONS, LossWeights, weights_from_reductions
from vaelib.widgets.base import Widget
from vaelib.widgets.gaussian_kl import check_deviation
from vaelib.widgets.traits import Finite, OneOf, Whole

ENDS = (1e-4, 1e4)  # of beta, on the scale


class EffectiveBeta(Widget):
    """Choose how a loss adds up its two terms, and read which beta it stands for, and why.

    `vaelib.effective_beta` is the same without controls, and measures a function.

    Traits:
        likelihood: "bernoulli", "gaussian" or "mse".
        pixels: "sum" or "mean", over the values of an image.
        latents: "sum" or "mean", over the latents in the KL.
        batch: "sum" or "mean", of the reconstruction over the images.
        kl_batch: "sum" or "mean", of the KL over the images.
        weight: of the KL, 0 or more.
        sigma: the decoder's deviation, above 0; Bernoulli pixels have none.
        values: in an image, P.
        latent_dim: the dimension of the latents, D.
        batch_size: B.

    Raises:
        ValueError: if a trait is none of these.
    """

    source = "effective_beta.js"
    likelihood = OneOf(LIKELIHOODS, "mse").tag(sync=True)
    pixels = OneOf(REDUCTIONS, "mean").tag(sync=True)
    latents = OneOf(REDUCTIONS, "sum").tag(sync=True)
    batch = OneOf(REDUCTIONS, "mean").tag(sync=True)
    kl_batch = OneOf(REDUCTIONS, "mean").tag(sync=True)
    weight = Finite(0.00025).tag(sync=True)
    sigma = Finite(1.0).tag(sync=True)
    values = Whole(12288).tag(sync=True)
    latent_dim = Whole(128).tag(sync=True)
    batch_size = Whole(128).tag(sync=True)

    def __init__(self, **loss):
        unknown = loss.keys() - set(self.page_state())
        if unknown:
            raise ValueError(f"wanted traits of EffectiveBeta, got {', '.join(sorted(unknown))}")
        super().__init__(**loss)

    @traitlets.validate("sigma")
    def _check_sigma(self, proposal):
        return check_deviation(proposal.value)

    @traitlets.validate("weight")
    def _check_weight(self, proposal):
        if proposal.value < 0:
            raise ValueError(f"wanted weight 0 or more, got {proposal.value:g}")
        return proposal.value

    @traitlets.validate("values", "latent_dim", "batch_size")
    def _check_size(self, proposal):
        if proposal.value < 1:
            raise ValueError(f"wanted {proposal.trait.name} of 1 or more, got {proposal.value}")
        return proposal.value

    @property
    def weights(self) -> LossWeights:
        """What the loss stands for."""
        return weights_from_reductions(
            likelihood=self.likelihood,
            image_shape=(self.values,),
            latent_dim=self.latent_dim,
            sigma=None if self.likelihood == "bernoulli" else self.sigma,
            pixels=self.pixels,
            latents=self.latents,
            batch=self.batch,
            kl_batch=self.kl_batch,
            weight=self.weight,
            batch_size=self.batch_size,
        )

    def still(self):
        """Beta on a logarithmic scale, and the sentence that says what it comes from."""
        weights = self.weights
        fig, ax = plots.figure(width=6, height=1.4)
        shown = min(max(weights.beta, ENDS[0]), ENDS[1])
        ax.axvline(1, color="black", lw=1)
        ax.plot([shown], [0], "o", ms=12)
        ax.set(xscale="log", xlim=(ENDS[0] / 2, 2 * ENDS[1]), yticks=[], xlabel=r"$\beta$")
        ax.set_title(_headline(weights))
        return fig, f"A scale of beta. The loss is one with {weights!r}"


def _headline(weights: LossWeights) -> str:
    where = "" if weights.at_sigma is None else f" at sigma {weights.at_sigma:.3g}"
    elbo = weights.sigma and not math.isclose(weights.beta, 1)
    return f"beta = {weights.beta:.3g}{where}" + (
        f", an ELBO at sigma {weights.sigma:.3g}" if elbo else ""
    )
