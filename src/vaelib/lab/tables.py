"""What the chapters print of measurements that were made once: the ladder's, and the times'."""

import json
from pathlib import Path

from vaelib import plans

SOURCES = {"burda2016importance": "Burda et al.", "nbip": "nbip/IWAE"}  # of published rows
GOALS = {  # of the full rungs: model, draws in training and layers of a published row
    "vae-3000-epochs": ("VAE", 1, 1),
    "iwae-5-2000-epochs": ("IWAE", 5, 1),
    "dreg-5-2000-epochs": ("DReG", 5, 1),
    "iwae-50-2000-epochs": ("IWAE", 50, 1),
    "vae-2-layers-2000-epochs": ("VAE", 1, 2),
    "iwae-5-2-layers-2000-epochs": ("IWAE", 5, 2),
}
DRAWS = 5000  # of z for each image, as in the papers: with fewer, scores are not compared


def machine_lines(ladder: dict[str, dict]) -> list[str]:
    """When and on what machine the rungs were made, each once.

    Args:
        ladder: as `vaelib.recipes.results` gives it.
    """
    return list(dict.fromkeys(map(_made_on, ladder.values())))


def _made_on(entry: dict) -> str:
    where = entry["machine"]
    cores = f"{where['threads']} of {where['cores']} cores"
    line = f"{entry['date']}: {where['processor']}, {cores}, torch {where['torch']}"
    return f"{line},\n  {entry['remark']}" if "remark" in entry else line


def ladder_lines(ladder: dict[str, dict]) -> list[str]:
    """-ELBO, NLL, its two errors and its draws, a line each rung."""
    lines = ["rung                           -ELBO     NLL  +-draws +-images     K"]
    for name, entry in ladder.items():
        score = entry["result"]
        line = f"{name:28}{score['negative_elbo']:8.2f}{score['nll']:8.2f}"
        line += f"{score['nll_error']:9.3f}{score['nll_sampling_error']:9.2f}"
        lines.append(line + f"{score['draws']:6}")
    return lines


def seed_lines(ladder: dict[str, dict], repeats: dict[str, dict]) -> list[str]:
    """-ELBO of each seed of the rungs that were made with several, and how far apart they are.

    Args:
        ladder: as `vaelib.recipes.results` gives it.
        repeats: the same of `vaelib.plans.REPEATS`.
    """
    lines = []
    for name, entry in ladder.items():
        others = [repeats.get(f"{name}-seed-{seed}") for seed in plans.SEEDS[1:]]
        scores = [one["result"]["negative_elbo"] for one in (entry, *others) if one]
        if len(scores) > 1:
            shown = " ".join(f"{score:7.2f}" for score in scores)
            lines.append(f"{name:28}{shown}, apart {max(scores) - min(scores):.2f}")
    return lines


def absent_lines(ladder: dict[str, dict], costs: dict[str, float]) -> list[str]:
    """What the rungs would take that were not made, a line each.

    Args:
        ladder: as `vaelib.recipes.results` gives it.
        costs: seconds of training, by rung, measured on one machine.
    """
    absent = [name for name in plans.LADDER if name not in ladder]
    return [f"{name:28}about {costs[name] / 3600:3.0f} hours" for name in absent]


def published_lines(published: list[dict], binarization: str) -> list[str]:
    """NLL and its draws below those of `ladder_lines`, a line each published row."""
    lines = []
    for row in published:
        if row["binarization"] == binarization:
            layers = ", 2 layers" if row["layers"] == 2 else ""
            name = f"{row['model']}{layers}, K = {row['draws_in_training']}"
            line = f"{name:23}{SOURCES[row['source']]:13}{row['nll']:8.2f}"
            lines.append(f"{line}{row['estimator_draws']:24}")
    return lines


def goal_lines(ladder: dict[str, dict], published: list[dict]) -> list[str]:
    """By how much a full rung is below the published row of the same model and objective.

    Raises:
        AssertionError: if one is above it.
    """
    goals, lines = goals_of(published), []
    for name, row in GOALS.items():
        if name not in ladder:
            continue
        goal = goals["dynamic", *row]
        score = ladder[name]["result"]
        if score["draws"] != DRAWS:
            lines.append(f"{name}: not scored with K = {DRAWS} yet")
            continue
        assert score["nll"] <= goal, f"{name}: {score['nll']} is above {goal}"
        lines.append(f"{name}: {goal - score['nll']:.2f} nats below the published {goal}")
    return lines


def goals_of(published: list[dict]) -> dict[tuple[str, str, int, int], float]:
    """The NLL by binarization, model, draws in training and layers.

    Of a row that was published twice it is the first one, which is the paper's own.
    """
    goals = {}
    for row in published:
        key = (row["binarization"], row["model"], row["draws_in_training"], row["layers"])
        if row["estimator_draws"] == DRAWS:
            goals.setdefault(key, row["nll"])
    return goals


def epoch_lines(path: Path, flops) -> list[str]:
    """What was predicted for an epoch and what was measured, in seconds; or what is amiss.

    Args:
        path: of the file that `make bench` writes.
        flops: floating-point operations of an epoch, a function of P, H and D.
    """
    bench = json.loads(path.read_text()) if path.exists() else {}
    if not {"rate", "ablation"} <= bench.keys():
        return ["No epoch has been timed here yet: make bench does it."]
    if bench["rate"]["machine"] != bench["ablation"]["machine"]:
        return ["Rate and epochs are of two machines: make bench times both on one."]
    rate = bench["rate"]["results"]["float32"]["median"]
    lines = [_named(bench["rate"]["machine"]), f"speed {rate / 1e9:.0f} GFLOP/s"]
    lines.append("seconds      predicted  products       fit     plain")
    for name, run in bench["ablation"]["results"].items():
        times = [flops(*map(int, name.split("-"))) / rate]
        fit, products = run["fit, float32"], run["its products alone, float32"]
        measured = products, fit, run["stages"][0]
        times += [spread["median"] for spread in measured]
        lines.append(f"{name:12}" + "".join(f"{time:10.2f}" for time in times))
    return lines


def _named(machine: dict) -> str:
    device = machine.get("gpu", f"{machine['processor']}, {machine['cores']} cores")
    return f"{device}, torch {machine['torch']}"


def epochs_lines(ladder: dict) -> list[str]:
    """The epochs that each arm takes to each target, and how many times fewer, a line each arm.

    Args:
        ladder: what `tests/bench/epochs.py` found for a network.
    """
    targets = ladder["targets"]
    first = "".join(_target(target) for target in targets.values())
    lines = [f"{'the loss of the plain loop after':33}" + first]
    for arm, row in ladder["arms"].items():
        cells = [_needed(row[name], target["plain_epochs"]) for name, target in targets.items()]
        lines.append(f"  {arm:31}" + "".join(cells))
    return lines


def _target(target: dict) -> str:
    return f"{target['plain_epochs']:5} epochs"


def _needed(found: dict | None, plain: int) -> str:
    if found is None:
        return f"{'never':>12}"
    fewer = f"({plain / found['epochs']:.1f})"
    return f"{found['epochs']:6}{fewer:>6}"


def defaults_lines(rules: dict) -> list[str]:
    """What `fit` chooses beside the best settings found, a line each network and number of epochs.

    Args:
        rules: what `tests/bench/defaults.py` found.
    """
    lines = ["network         epochs    rule    best  difference  tried   batch    rate"]
    for network, by_epochs in rules.items():
        for epochs, found in by_epochs.items():
            chosen, best = found["chosen"], found["best_loss"]
            line = f"{network:16}{epochs:>6}{found['loss']:8.1f}{best:8.1f}"
            line += f"{found['loss'] - best:+12.2f}{found['tried']:7}"
            lines.append(line + f"{chosen['batch_size']:8}{chosen['learning_rate']:8.3f}")
    return lines


def race_lines(race: dict[str, dict]) -> list[str]:
    """Epochs, seconds of an epoch and in all, test loss, and how much sooner than the first.

    Args:
        race: what `tests/bench/training.py` found for a network: the contestant that the others are
            compared with comes first.
    """
    lines = [f"{'':24}epochs   epoch      all    loss   times sooner"]
    for place, (name, row) in enumerate(race.items()):
        seconds, sooner = row["seconds"]["median"], row["times_sooner"]
        line = f"{name:24}{row['epochs']:6}{row['epoch_seconds']['median']:6.2f} s"
        line += f"{seconds:7.1f} s{row['loss']['median']:8.2f}"
        if place:
            line += f"{sooner['median']:5.1f} ({sooner['least']:.1f} to {sooner['most']:.1f})"
        lines.append(line)
    return lines
