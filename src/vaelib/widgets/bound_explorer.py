"""A Gaussian q that is moved over a true posterior, and what it leaves of log p(x)."""

import copy

import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer
from vaelib.data import check_images
from vaelib.devices import plain_torch
from vaelib.evaluation import check_has_likelihood
from vaelib.models import VAE, LinearGaussian
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.bound_known import Gaussian, Terms, gaussian, known_images, known_linear
from vaelib.widgets.latent_explorer import check_plane, draw_ellipses
from vaelib.widgets.traits import Whole, WrongValue, finite_list

MOST_IMAGES = 20
SPAN = 10  # nats below log p(x) where the bar begins; as in js/bound_explorer.js
BUTTONS = ("best", "encoder", "start")
BANDS = (-4.5, -2.0, -0.5)  # below the top of log p(z|x): three, two and one deviations
BLUE, RED = plots.PALETTE[0], plots.PALETTE[6]


class BoundExplorer(Widget):
    """Drag and stretch q over the true posterior of one datum: ELBO + gap = log p(x).

    The plane shows p(z|x) in bands, which for a Gaussian end at one, two and three standard
    deviations, and q = N(mu, diag(sigma^2)) as ellipses of one and two. A bar as long as ten nats
    ends at log p(x), which stands still; its border is the ELBO, and what is left of it the gap,
    KL(q || p(z|x)). Buttons put q to where the encoder has it, and to the diagonal Gaussian with
    the smallest gap.

    For the linear-Gaussian model all three numbers have closed forms. For an image they are sums
    over a grid of 72 x 72 cells around its posterior, of which at most a thousandth is elsewhere:
    log p(x) and the gap as by `vaelib.grid_posterior`, the ELBO from its two terms. The decoder is
    rounded to float16, as a page has it.

    Traits:
        case: which datum, from 0; the linear-Gaussian model's is the first, if it is there.
        mu: the mean of q, two numbers, within five units of the posterior's.
        sigma: its standard deviations, two numbers, from a third of a unit to two and a half.

    A unit is the geometric mean of the posterior's standard deviations. To set `case` puts q beside
    the posterior again. `put` does what the buttons do, and `terms` are the three numbers.

    Args:
        model: a `VAE` with a latent of two dimensions.
        images: (N, ...), 1 to 20 images for which its likelihood is one: of 0 and 1 if the pixels
            are Bernoulli.
        linear: a `LinearGaussian` with two latents, or None.
        x: its datum, (P,) or (1, P).
        case: see the traits.

    Raises:
        ValueError: if the model's latent has not two dimensions, it takes labels, or a page could
            not run its decoder; if images or x do not fit their models, or a posterior is no single
            hill; or if case, mu or sigma is out of range.
    """

    source = "bound_explorer.js"
    case = Whole(0).tag(sync=True)
    mu = finite_list([0.0, 0.0])
    sigma = finite_list([1.0, 1.0])
    cases = traitlets.List().tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)
    likelihood = traitlets.Unicode().tag(sync=True)
    pixel_sigma = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        model: VAE,
        images: Tensor,
        linear: LinearGaussian | None = None,
        x: Tensor | None = None,
        case: int = 0,
    ):
        check_plane(model)
        likelihood = network.likelihood(model)
        side = _check_images(model, images)
        known = []
        if linear is not None or x is not None:
            known.append(known_linear(linear, _check_linear(linear, x)))
        model = network.half(copy.deepcopy(model).cpu().float())
        pixels = (images.detach().cpu().float().flatten(1) * 255).round()
        mu, log_var = network.gaussian(model, pixels / 255)
        encoders = zip(mu.tolist(), (log_var / 2).exp().tolist(), strict=True)
        decoder = network.decoder(model)
        known += known_images(model, pixels / 255, [gaussian(*q) for q in encoders])
        self._known = known
        case = integer("case", case, 0, len(known) - 1)
        super().__init__(
            case=case,
            mu=known[case].start.mu,
            sigma=known[case].start.sigma,
            cases=[each.for_page() for each in known],
            side=side,
            images=pixels.to(torch.uint8).numpy().tobytes(),
            decoder=decoder,
            likelihood=likelihood["likelihood"],
            pixel_sigma=likelihood["sigma"],
        )

    @traitlets.validate("case")
    def _check_case(self, proposal):
        return integer("case", proposal.value, 0, len(self._known) - 1)

    @traitlets.validate("mu", "sigma")
    def _check_q(self, proposal):
        known = self._known[self.case]
        start, name = known.start, proposal.trait.name
        if not known.holds(start._replace(**{name: tuple(proposal.value)})):
            raise WrongValue(f"wanted {name} {known.range_of(name)}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("case")
    def _begin_anew(self, _):
        with self.hold_trait_notifications():
            self.mu, self.sigma = (list(each) for each in self._known[self.case].start)

    @property
    def terms(self) -> Terms:
        """log p(x), the ELBO and the gap, in nats, of q as it is now."""
        with plain_torch(gradients=False):
            return self._known[self.case].terms(Gaussian(tuple(self.mu), tuple(self.sigma)))

    def put(self, where: str) -> None:
        """Put q where a button would: to "best", to "encoder", or back to "start".

        Raises:
            ValueError: if it is none of these, or the encoder's q is not there to be shown.
        """
        q = self.cases[self.case].get(where) if where in BUTTONS else None
        if q is None:
            there = [name for name in BUTTONS if self.cases[self.case][name]]
            raise ValueError(f"wanted one of {there}, got {where!r}")
        with self.hold_trait_notifications():
            self.mu, self.sigma = q["mu"], q["sigma"]

    def still(self):
        """The plane with the posterior and q, and the bar below it."""
        fig, (plane, bar) = plots.figure(
            2, 1, width=5.5, height=6.2, gridspec_kw={"height_ratios": [8, 1]}
        )
        known, terms = self._known[self.case], self.terms
        (across, along), density = known.log_density()
        heights = (density - density.max()).T.numpy()
        for level in BANDS:
            plane.contourf(across, along, heights, [level, 1], colors=[BLUE], alpha=0.3)
        draw_ellipses(plane, torch.tensor(self.mu), torch.tensor(self.sigma))
        plane.plot(*self.mu, "o", ms=11, mfc="none", mec="black", mew=2)
        (left, right), (bottom, top) = known.view
        plane.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", title=known.name)
        plane.set(xlabel="$z_1$", ylabel="$z_2$")
        _draw_bar(bar, terms)
        alt = (
            f"The true posterior in the latent plane ({known.name}), a Gaussian q on it as "
            f"ellipses, and a bar up to log p(x), which the ELBO divides: {terms}, in nats."
        )
        return fig, alt


def _draw_bar(ax, terms: Terms) -> None:
    """The last ten nats below log p(x), of which the ELBO has what the gap leaves."""
    whole = terms.log_likelihood
    border = max(terms.elbo, whole - SPAN)
    ax.barh(0, border - (whole - SPAN), left=whole - SPAN, color=BLUE)
    ax.barh(0, whole - border, left=border, color="none", edgecolor=RED, hatch="///")
    ax.set(xlim=(whole - SPAN, whole), yticks=[], xlabel="nats", title=str(terms))


def _check_images(model, images: Tensor) -> int:
    """The side of the images, in pixels.

    Raises:
        ValueError: if they do not fit the model, its likelihood is none for them, or they are many.
    """
    check_images(images)
    side = network.image_side(model, images)
    if images[0].numel() != model.input_dim or not 1 <= len(images) <= MOST_IMAGES:
        raise ValueError(
            f"wanted 1 to {MOST_IMAGES} images of {model.input_dim} pixels, got images of shape "
            f"{tuple(images.shape)}"
        )
    check_has_likelihood(model, images)
    return side


def _check_linear(linear, x) -> Tensor:
    """The linear-Gaussian model's datum, (1, P).

    Raises:
        ValueError: if the model has not two latents, or x is no datum of it.
    """
    if getattr(linear, "latent_dim", None) != 2 or not hasattr(linear, "weights"):
        found = getattr(linear, "latent_dim", "none")
        raise ValueError(
            "wanted linear as a vaelib.LinearGaussian with 2 latents, got a "
            f"{type(linear).__name__} with {found}"
        )
    if not isinstance(x, Tensor) or x.shape not in ((linear.input_dim,), (1, linear.input_dim)):
        found = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise ValueError(f"wanted x as one datum of {linear.input_dim} numbers, got {found}")
    if not x.isfinite().all():
        raise ValueError(f"wanted x of finite numbers, got {x.tolist()}")
    return x.reshape(1, -1)
