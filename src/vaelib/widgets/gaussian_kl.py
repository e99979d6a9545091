"""One Gaussian beside the prior, and what the KL divergence between them is made of."""

import math

import numpy as np
import traitlets

from vaelib import plots
from vaelib.widgets.base import Widget
from vaelib.widgets.traits import Finite


class GaussianKL(Widget):
    """Move q = N(mu, sigma^2) beside p = N(0, 1) and watch KL(q || p), in nats.

    It shows both densities, the function under the integral with its parts above and below 0, the
    terms of the closed form, and the integral summed up numerically beside it. The peak of q can
    be dragged, and so can the point at mu + sigma.

    Traits:
        mu: the mean of q, finite; the page's slider goes from -3 to 3.
        sigma: its standard deviation, finite and above 0; the page's slider goes from 0.1 to 2.

    Raises:
        ValueError: if mu or sigma is not finite, or sigma not above 0.
    """

    source = "gaussian_kl.js"
    mu = Finite(1.5).tag(sync=True)
    sigma = Finite(0.5).tag(sync=True)

    def __init__(self, mu: float = 1.5, sigma: float = 0.5):
        super().__init__(mu=mu, sigma=sigma)

    @traitlets.validate("sigma")
    def _check_sigma(self, proposal):
        return check_deviation(proposal.value)

    def still(self):
        """Both densities, and below them the function under the integral."""
        fig, (upper, lower) = plots.figure(2, 1, width=6, height=4.6, sharex=True)
        z = np.linspace(-6, 6, 2401)
        log_p = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
        log_q = -0.5 * ((z - self.mu) / self.sigma) ** 2 - 0.5 * math.log(2 * math.pi)
        log_q = log_q - math.log(self.sigma)
        values = np.exp(log_q) * (log_q - log_p)
        kl = 0.5 * (-2 * math.log(self.sigma) + self.mu**2 + self.sigma**2 - 1)
        upper.plot(z, np.exp(log_p), "--", color="black", label="$p(z)$")
        upper.plot(z, np.exp(log_q), lw=2.5, label="$q(z)$")
        lower.fill_between(z, values.clip(min=0), label="above 0")
        lower.fill_between(z, values.clip(max=0), hatch="///", label="below 0")
        upper.set(ylabel="density", title=f"KL = {kl:.3f} nats")
        lower.set(xlabel="$z$", ylabel=r"$q(z) \log\, q(z)/p(z)$")
        upper.legend()
        lower.legend()
        alt = (
            f"The Gaussian q with mean {self.mu:g} and standard deviation {self.sigma:g} beside "
            f"the prior, and the function under the integral: KL {kl:.3f} nats."
        )
        return fig, alt


def check_deviation(sigma: float) -> float:
    """A standard deviation as it is.

    Raises:
        ValueError: if it is not above 0.
    """
    if sigma <= 0:
        raise ValueError(f"wanted sigma above 0, got {sigma:g}")
    return sigma
