"""How much a VAE says in its code: beta, sigma, decoder and remedies swept.

`python -m tests.bench.collapse` trains 784-200-20 on the first 20,000 digits for eight epochs, with
the learning rate of the families in the last chapter, and scores it on all test images, black and
white as `binarize_once` draws them (grey for sigma). Each run is kept in `_build/bench/collapse`,
so that it goes on where it was cut off; the results are in `collapse.json`, a section a sweep. The
section "plane" has what the runs are compared with, which takes no training.
"""

import argparse
import dataclasses
import json
import math

import torch

import vaelib
from tests.bench.report import record
from tests.bench.runs import FOLDER
from vaelib.devices import machine
from vaelib.files import write_atomically
from vaelib.lab.collapse import EncoderFirst, FreeBits, Neighbours, WarmUp, waterline
from vaelib.lab.refining import refined_elbo
from vaelib.lab.yardsticks import cross_entropy
from vaelib.likelihoods import Gaussian

PATH = vaelib.checkpoints.FOLDER / "collapse.json"
COUNT, EPOCHS, BATCH_SIZE, RATE = 20_000, 8, 250, 0.008
HIDDEN_DIM, LATENT_DIM = 200, 20
STEPS = EPOCHS * COUNT // BATCH_SIZE
SEEDS = (0, 1)  # of what is compared in tenths of a nat: decoders and remedies
FEW = 2000  # test images of the curves
REFINED = 100  # test images whose own q is sought
LOWEST = 0.03  # beta s^2 of the linear models with the highest rate

BETAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
SIGMAS = (0.25, 0.5, 1.0, 1.5, 2.0, 2.5)
DECODERS = {  # reach and channels of the neighbours that the decoder sees beside z
    "z alone": None,
    "4 neighbours": (1, 0),
    "24 neighbours": (3, 0),
    "24, 8 channels": (3, 8),
}
STRONG = DECODERS["24, 8 channels"]
REMEDIES = {
    "KL warm-up": lambda: WarmUp(STEPS // 2),
    "free bits": lambda: FreeBits(0.5),
    "encoder first": lambda: EncoderFirst(3, STEPS // 4, RATE / 2),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One training: what differs from the usual, and the seed."""

    sweep: str
    name: str
    seed: int
    beta: float = 1.0
    sigma: float | None = None
    neighbours: tuple[int, int] | None = None
    remedy: str | None = None

    def likelihood(self):
        """p(x|z) of the network."""
        if self.sigma is not None:
            return Gaussian(self.sigma)
        return Neighbours(*self.neighbours) if self.neighbours else "bernoulli"


def cases() -> list[Case]:
    """All of them, in the order in which they are run."""
    found = [Case("beta", f"{beta:g}", 0, beta=beta) for beta in BETAS]
    found += [Case("sigma", f"{sigma:g}", 0, sigma=sigma) for sigma in SIGMAS]
    for seed in SEEDS:
        found += [Case("decoder", n, seed, neighbours=size) for n, size in DECODERS.items()]
        found += [Case("remedy", n, seed, neighbours=STRONG, remedy=n) for n in REMEDIES]
    return found


def result(case: Case) -> dict:
    """What came out, from the file if it was run before."""
    path = FOLDER / "collapse" / f"{case.sweep}-{case.name}-{case.seed}.json"
    if path.exists():
        return json.loads(path.read_text())["result"]
    found = run(case)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"result": found, "machine": machine()}).encode())
    return found


def run(case: Case, count: int = COUNT, epochs: int = EPOCHS) -> dict:
    """Train and score."""
    grey = vaelib.mnist("test").images
    images = vaelib.mnist("train").images[:count]
    test = grey if case.sigma is not None else vaelib.binarize_once(grey)
    torch.manual_seed(case.seed)
    model = vaelib.VAE(784, HIDDEN_DIM, LATENT_DIM, likelihood=case.likelihood())
    curves = {"rate_by_epoch": [], "bound_by_epoch": [], "lag": []}

    def note(model, _):
        terms = vaelib.mean_terms(model, test[:FEW])
        curves["rate_by_epoch"].append(terms.kl)
        curves["bound_by_epoch"].append(-terms.elbo)
        if case.seed == 0:
            curves["lag"].append(refined_elbo(model, test[:REFINED]).gain)

    history = vaelib.fit(
        model,
        images,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        learning_rate=RATE,
        beta=case.beta,
        objective=REMEDIES[case.remedy]() if case.remedy else "elbo",
        binarize=None if case.sigma is not None else "dynamic",
        seed=case.seed,
        progress=False,
        device="cpu",
        after_epoch=note if case.sweep in ("decoder", "remedy") else None,
    )
    curves = {name: values for name, values in curves.items() if values}
    return score(model, test) | {"seconds": sum(history.seconds)} | curves


def score(model, test: torch.Tensor) -> dict:
    """Rate and distortion in nats, and what each latent carries."""
    terms = vaelib.mean_terms(model, test)
    each = vaelib.kl_per_dimension(model, test).sort(descending=True).values
    found = {
        "rate": terms.kl,
        "distortion": -terms.reconstruction,
        "active": int(vaelib.active_units(model, test).sum()),
        "kl_of_each": [round(kl, 4) for kl in each.tolist()],
    }
    if model.pixels.name == "gaussian":
        found["squared_error"] = squared_error(model, test)
    return found


def squared_error(model, test: torch.Tensor) -> float:
    """Of an image, summed over its pixels, from draws of z."""
    constant = vaelib.gaussian_log_likelihood(
        torch.zeros(784), torch.zeros(784), model.pixels.sigma
    )
    distortion = -vaelib.mean_terms(model, test).reconstruction
    return (distortion + constant.item()) * 2 * model.pixels.sigma**2


def plane() -> dict:
    """What the runs lie between, a silent code and the best linear models; and their settings."""
    grey = vaelib.mnist("test").images
    ink = vaelib.mnist("train").images.flatten(1).double().mean(0).clamp(1e-3, 0.999)
    drawn = vaelib.binarize_once(grey).flatten(1).double()
    covariance = torch.cov(grey.flatten(1).double().T, correction=0)
    variances = torch.linalg.eigvalsh(covariance).clamp(min=0)
    levels = torch.logspace(math.log10(LOWEST), variances.max().log10().item(), 40)
    lines = [waterline(variances, LATENT_DIM, level.item()) for level in levels]
    return {
        "silent_distortion": round(cross_entropy(drawn, ink), 4),
        "silent_squared_error": round(variances.sum().item(), 4),
        "linear": [[round(one.rate, 4), round(one.squared_error, 4)] for one in lines],
        "trained": {
            "sizes": [784, HIDDEN_DIM, LATENT_DIM],
            "images": COUNT,
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "learning_rate": RATE,
        },
    }


def main() -> None:
    """Run what is not kept, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sweeps: dict[str, dict] = {}
    for case in cases():
        found = result(case)
        sweeps.setdefault(case.sweep, {}).setdefault(case.name, []).append(found)
        total = found["rate"] + found["distortion"]
        line = f"rate {found['rate']:6.2f}, -ELBO {total:7.2f}, {found['active']:2} active"
        print(f"{case.sweep:8} {case.name:16} {case.seed}: {line}", flush=True)
    if not arguments.dry:
        for name, found in sweeps.items():
            record(name, found, PATH)
        record("plane", plane(), PATH)


if __name__ == "__main__":
    main()
