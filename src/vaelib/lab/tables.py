"""What the chapters print of measurements that were made once: the ladder's, and the times'."""

import json
from pathlib import Path

from vaelib import recipes

SOURCES = {"burda2016importance": "Burda et al.", "nbip": "nbip/IWAE"}  # of published rows
GOALS = {"vae-full": ("VAE", 1), "iwae-5-full": ("IWAE", 5)}  # model and draws in training
DRAWS = 5000  # of z for each image, as in the papers: with fewer, scores are not compared


def machine_lines(ladder: dict[str, dict]) -> list[str]:
    """When and on what machine the rungs were made, each once, and which were not made.

    Args:
        ladder: as `vaelib.recipes.results` gives it.
    """
    lines = list(dict.fromkeys(map(_made_on, ladder.values())))
    absent = [name for name in recipes.LADDER if name not in ladder]
    return [*lines, f"not made yet: {', '.join(absent) or 'none'}"]


def _made_on(entry: dict) -> str:
    where = entry["machine"]
    cores = f"{where['threads']} of {where['cores']} cores"
    line = f"{entry['date']}: {where['processor']}, {cores}, torch {where['torch']}"
    return f"{line},\n  {entry['remark']}" if "remark" in entry else line


def ladder_lines(ladder: dict[str, dict]) -> list[str]:
    """Epochs, minutes of training, -ELBO, NLL, its two errors and its draws, a line each rung."""
    lines = ["rung             epochs     min   -ELBO     NLL  +-draws +-images     K"]
    for name, entry in ladder.items():
        score, epochs = entry["result"], recipes.LADDER[name].settings.epochs
        line = f"{name:16}{epochs:7}{entry['seconds'] / 60:8.2f}"
        line += f"{score['negative_elbo']:8.2f}{score['nll']:8.2f}"
        line += f"{score['nll_error']:9.3f}{score['nll_sampling_error']:9.2f}"
        lines.append(line + f"{score['draws']:6}")
    return lines


def published_lines(published: list[dict], binarization: str) -> list[str]:
    """NLL and its draws below those of `ladder_lines`, a line each published row."""
    lines = []
    for row in published:
        if row["binarization"] == binarization:
            name = f"{row['model']}, K = {row['draws_in_training']} in training"
            line = f"{name:26}{SOURCES[row['source']]:13}{row['nll']:8.2f}"
            lines.append(f"{line}{row['estimator_draws']:24}")
    return lines


def goal_lines(ladder: dict[str, dict], published: list[dict]) -> list[str]:
    """By how much a full rung is below the published row of the same model and objective.

    Raises:
        AssertionError: if one is above it.
    """
    goals, lines = goals_of(published), []
    for name, row in GOALS.items():
        goal = goals["dynamic", *row]
        score = ladder.get(name, {"result": {}})["result"]
        if score.get("draws") != DRAWS:
            lines.append(f"{name}: not scored with K = {DRAWS} yet")
            continue
        assert score["nll"] <= goal, f"{name}: {score['nll']} is above {goal}"
        lines.append(f"{name}: {goal - score['nll']:.2f} nats below the published {goal}")
    return lines


def goals_of(published: list[dict]) -> dict[tuple[str, str, int], float]:
    """The NLL of Burda et al., by binarization, model and draws in training."""
    return {
        (row["binarization"], row["model"], row["draws_in_training"]): row["nll"]
        for row in published
        if row["source"] == "burda2016importance" and row["estimator_draws"] == DRAWS
    }


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
    lines = [_named(bench["rate"]["machine"]), f"rate {rate / 1e9:.0f} GFLOP/s"]
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
