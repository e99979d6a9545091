"""The runs of `python -m tests.bench.collapse`, sweep by sweep, and the plane that they lie in."""

import json
from pathlib import Path
from typing import NamedTuple

from vaelib.checkpoints import FOLDER

PATH = FOLDER / "collapse.json"
SWEEPS = {  # of each: its title, what its control is called, and what names a step
    "beta": ("the weight β of the KL", "β", "β = {}"),
    "sigma": ("the noise s of a pixel", "noise s", "s = {}"),
    "decoder": ("what the decoder sees", "it sees", "{}"),
    "remedy": ("a remedy", "remedy", "{}"),
}
STRONG = "24, 8 channels"  # the decoder that the remedies are tried on
NO_REMEDY, WEAKER = "no remedy", "weaker decoder"  # runs of the decoders' sweep

# A unit is active if the variance of its mean over the images is above 0.01. Its KL, which is half
# of E[mu^2 + sigma^2 - 1 - log sigma^2], is then above half of that. In the stored runs as many
# units are above the one as above the other, and so they are the same ones.
THRESHOLD = 0.005


class Run(NamedTuple):
    """A trained network on the test images: its terms in nats, and what its latents say.

    `rate` is the KL, `distortion` minus the reconstruction term; `kl` has the KL of each latent,
    the largest first, of which the first `active` are active. `squared_error` is that of an image
    with Gaussian pixels, summed, or None.
    """

    rate: float
    distortion: float
    active: int
    kl: tuple[float, ...]
    squared_error: float | None = None

    @property
    def elbo(self) -> float:
        """Minus rate and distortion, nats."""
        return -(self.rate + self.distortion)

    @property
    def height(self) -> float:
        """Where the run lies in its plane, above its rate."""
        return self.distortion if self.squared_error is None else self.squared_error


class Sweep(NamedTuple):
    """Runs that differ in one thing.

    `steps` are the names of what differs, `runs[step][seed]` the runs; `slopes` say how steeply
    the lines fall on which a run's own loss is the same. `corner` is the height of a code that says
    nothing, None where it is not known; `linear` the best linear models, (rate, height) each.
    """

    steps: tuple[str, ...]
    runs: tuple[tuple[Run, ...], ...]
    slopes: tuple[float, ...]
    corner: float | None
    linear: list[list[float]]
    made: str

    @property
    def is_grey(self) -> bool:
        """Whether the pixels are Gaussian, and the plane's height a squared error."""
        return self.runs[0][0].squared_error is not None


def read(path: Path = PATH) -> dict[str, Sweep]:
    """The sweeps of a file, by name."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    plane = stored["plane"]["results"]
    rows = {name: stored[name]["results"] for name in SWEEPS}
    decoders = rows["decoder"]
    rows["remedy"] = {NO_REMEDY: decoders[STRONG], **rows["remedy"], WEAKER: decoders["z alone"]}
    slopes = {
        "beta": [float(name) for name in rows["beta"]],
        "sigma": [2 * float(name) ** 2 for name in rows["sigma"]],
    }
    corners = {"beta": plane["silent_distortion"], "sigma": plane["silent_squared_error"]}
    return {
        name: Sweep(
            steps=tuple(each),
            runs=tuple(tuple(_run(row) for row in seeds) for seeds in each.values()),
            slopes=tuple(slopes.get(name, [1.0] * len(each))),
            corner=corners.get(name),
            linear=plane["linear"] if name == "sigma" else [],
            made=_made(stored[name], plane["trained"]),
        )
        for name, each in rows.items()
    }


def _run(row: dict) -> Run:
    kls = tuple(row["kl_of_each"])
    return Run(row["rate"], row["distortion"], row["active"], kls, row.get("squared_error"))


def _made(section: dict, trained: dict) -> str:
    """How, where and when the runs of a sweep were made."""
    machine = section["machine"]
    sizes = "-".join(str(size) for size in trained["sizes"])
    return (
        f"VAEs {sizes}, {trained['images']:,} digits, {trained['epochs']} epochs, scored on the "
        f"test images; {machine['processor']}, torch {machine['torch'].partition('+')[0]}, "
        f"{section['date']}; python -m tests.bench.collapse"
    )


def spans(name: str, sweeps: dict[str, Sweep]) -> tuple[list[float], list[float]]:
    """From where to where the plane of a sweep is shown: rates, and heights.

    Decoders and remedies have one plane, so that the reader sees them at the same scale. Where the
    corner of a silent code is known, both it and the height 0 are in sight.
    """
    sweep = sweeps[name]
    together = [sweep] if sweep.corner else [sweeps["decoder"], sweeps["remedy"]]
    runs = [run for one in together for seeds in one.runs for run in seeds]
    rates, heights = [run.rate for run in runs], [run.height for run in runs]
    if sweep.corner:
        return [-0.05 * max(rates), 1.35 * max(rates)], [0.0, 1.1 * sweep.corner]
    return _around(rates, 0.12), _around(heights, 0.35)


def _around(values: list[float], room: float) -> list[float]:
    margin = room * (max(values) - min(values))
    return [min(values) - margin, max(values) + margin]


def for_page(name: str, sweeps: dict[str, Sweep]) -> dict:
    """A sweep as JSON for the front end."""
    sweep = sweeps[name]
    title, control, form = SWEEPS[name]
    x, y = spans(name, sweeps)
    runs = [[_numbers(run) for run in seeds] for seeds in sweep.runs]
    return {
        "name": name,
        "title": title,
        "control": control,
        "names": [form.format(step) for step in sweep.steps],
        "marks": list(sweep.steps) if sweep.corner else [],
        "slopes": list(sweep.slopes),
        "runs": runs,
        "corner": sweep.corner,
        "linear": sweep.linear,
        "grey": sweep.is_grey,
        "priced": NO_REMEDY in sweep.steps,
        "x": [round(end, 2) for end in x],
        "y": [round(end, 2) for end in y],
        "made": sweep.made,
    }


def _numbers(run: Run) -> dict:
    found = {"rate": run.rate, "distortion": run.distortion, "height": run.height}
    rounded = {key: round(value, 4) for key, value in found.items()}
    return rounded | {"active": run.active, "kl": list(run.kl)}
