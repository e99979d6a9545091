"""Stored runs on the way to posterior collapse: slide along a sweep, or pick a run in the plane."""

import functools

import traitlets

from vaelib import plots
from vaelib.checks import integer
from vaelib.widgets.base import Widget
from vaelib.widgets.collapse_runs import SWEEPS, THRESHOLD, Run, Sweep, for_page, read, spans
from vaelib.widgets.traits import OneOf, Switch, Whole

START = {"beta": 2, "sigma": 0, "decoder": 0, "remedy": 0}  # the step at which a sweep begins
LOWEST = 1e-4  # nats, where the logarithmic axis of the KL begins; as in js/collapse_plane.js
BLUE, RED, GREY = plots.PALETTE[0], plots.PALETTE[2], plots.PALETTE[3]

_stored = functools.cache(read)


class CollapseExplorer(Widget):
    """Slide along a sweep that ends in posterior collapse, and see what the code still says.

    The runs were made beforehand by `python -m tests.bench.collapse`: for eight values of beta, six
    of the decoder's noise s, four decoders and four remedies, the last two with two seeds. The
    plane shows each run of a sweep by its rate and its distortion in nats, for the noise by its
    squared error. Beside it stand the numbers of the chosen run, and the KL of each of its 20
    latents by rank. Those that are active are filled, and a line is at the KL above which one is.

    Dragged, clicked or with arrow keys, the plane gives the nearest run.

    Traits:
        sweep: "beta", "sigma", "decoder" or "remedy"; to set it begins the sweep anew.
        step: which run of the sweep, from 0.
        seed: 0, or also 1 where there are two.
        logarithmic: whether the KL is drawn on a logarithmic axis.

    `run` is the chosen run. Of a remedy `price` says by how many nats minus its ELBO is above that
    of no remedy with the same seed, and `prices` for each seed; else they are None and empty.

    Raises:
        ValueError: if there is no such sweep, step or seed.
    """

    source = "collapse_explorer.js"
    sweep = OneOf(tuple(SWEEPS), "beta").tag(sync=True)
    step = Whole(0).tag(sync=True)
    seed = Whole(0).tag(sync=True)
    logarithmic = Switch(True).tag(sync=True)
    sweeps = traitlets.List().tag(sync=True)
    threshold = traitlets.Float(THRESHOLD).tag(sync=True)

    def __init__(self, sweep: str = "beta", step: int | None = None, seed: int = 0):
        self._sweeps = _stored()
        pages = [for_page(name, self._sweeps) | {"start": START[name]} for name in SWEEPS]
        super().__init__(sweeps=pages)
        self.sweep = sweep
        self.step = START[sweep] if step is None else step
        self.seed = seed

    @traitlets.validate("step")
    def _check_step(self, proposal):
        return integer("step", proposal.value, 0, len(self._sweep.runs) - 1)

    @traitlets.validate("seed")
    def _check_seed(self, proposal):
        return integer("seed", proposal.value, 0, len(self._sweep.runs[0]) - 1)

    @traitlets.observe("sweep")
    def _begin_anew(self, _):
        with self.hold_trait_notifications():
            self.step, self.seed = START[self.sweep], 0

    @property
    def _sweep(self) -> Sweep:
        return self._sweeps[self.sweep]

    @property
    def run(self) -> Run:
        """The chosen run."""
        return self._sweep.runs[self.step][self.seed]

    @property
    def prices(self) -> list[float]:
        """By how many nats minus the ELBO is above that of no remedy, for each seed."""
        if self.sweep != "remedy":
            return []
        first, chosen = self._sweep.runs[0], self._sweep.runs[self.step]
        return [none.elbo - run.elbo for none, run in zip(first, chosen, strict=True)]

    @property
    def price(self) -> float | None:
        """The price of the chosen run, in nats."""
        return self.prices[self.seed] if self.prices else None

    def still(self):
        """The plane with all runs of the sweep, and the KL of each latent of the chosen one."""
        fig, (plane, bars) = plots.figure(1, 2, width=7, height=3.4)
        self._draw_plane(plane)
        run = self.run
        for name, span in (("filled", slice(run.active)), ("open", slice(run.active, None))):
            ranks = range(len(run.kl))[span]
            filled = {"color": BLUE} if name == "filled" else {"color": "none", "ec": GREY}
            bars.bar([rank + 1 for rank in ranks], run.kl[span], **filled)
        bars.axhline(THRESHOLD, color=RED, lw=1, ls="--")
        bars.set(xlabel="latent, by rank", ylabel="KL, nats", title=f"{run.active} active")
        if self.logarithmic:
            bars.set(yscale="log", ylim=(LOWEST, 5))
        return fig, self._told()

    def _draw_plane(self, ax) -> None:
        sweep, run = self._sweep, self.run
        for seed, mark in zip(range(len(sweep.runs[0])), "os", strict=False):
            column = [seeds[seed] for seeds in sweep.runs]
            style = "-" if sweep.corner else ""
            places = [one.rate for one in column], [one.height for one in column]
            ax.plot(*places, marker=mark, ls=style, color=BLUE, label=f"seed {seed}")
        if sweep.corner:
            ax.plot(0, sweep.corner, "s", color=RED, label="a silent code")
        if sweep.linear:
            ax.plot(*zip(*sweep.linear, strict=True), color=GREY, label="best linear model")
        ax.plot(run.rate, run.height, "o", ms=14, mfc="none", mec="black")
        x, y = spans(self.sweep, self._sweeps)
        height = "squared error" if sweep.is_grey else "distortion, nats"
        title = SWEEPS[self.sweep][2].format(sweep.steps[self.step])
        ax.set(xlim=x, ylim=y, xlabel="rate, nats", ylabel=height, title=title)
        ax.legend(fontsize=9)

    def _told(self) -> str:
        run, named = self.run, SWEEPS[self.sweep]
        name = named[2].format(self._sweep.steps[self.step])
        number = sum(len(seeds) for seeds in self._sweep.runs)
        height = "squared error" if self._sweep.is_grey else "distortion"
        return (
            f"Rate and {height} of {number} VAEs that differ in {named[0]}. One is chosen, {name}: "
            f"rate {run.rate:.2f}, distortion {run.distortion:.2f} nats; beside them the KL of its "
            f"{len(run.kl)} latents as bars, of which {run.active} are active."
        )
