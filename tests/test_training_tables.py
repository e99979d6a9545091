"""The chapter "Training in seconds" prints whatever the benchmarks' file holds."""

import json

from tests.bench.epochs import ARMS, EPOCHS
from tests.pages import ROOT, markdown_of
from vaelib.checkpoints import FOLDER
from vaelib.lab import tables

PLAIN = {"early": {"epochs": 3}, "late": {"epochs": 20}}


def test_epochs_stand_below_their_targets():
    ladder = {
        "targets": {
            "early": {"plain_epochs": 3, "loss": 113.0},
            "late": {"plain_epochs": 20, "loss": 103.0},
        },
        "arms": {"plain loop": PLAIN, "another": {"early": {"epochs": 2}, "late": None}},
    }
    head, plain, other = tables.epochs_lines(ladder)
    assert head.split()[-4:] == ["3", "epochs", "20", "epochs"]
    assert plain.split() == ["plain", "loop", "3", "(1.0)", "20", "(1.0)"]
    assert other.split() == ["another", "2", "(1.5)", "never"]
    assert len(head) == len(plain) == len(other)


def test_what_fit_chose_stands_beside_the_best():
    found = {"loss": 106.5, "best_loss": 106.25, "tried": 13}
    found["chosen"] = {"batch_size": 128, "learning_rate": 0.0234, "encoder_rate": 0.25}
    head, line = tables.defaults_lines({"784-400-20": {"2": found}})
    assert line.split() == ["784-400-20", "2", "106.5", "106.2", "+0.25", "13", "128", "0.023"]
    assert len(head) == len(line)


def test_a_contestant_is_a_line_and_the_first_is_what_the_others_are_compared_with():
    def run(epochs, second, total, loss, sooner):
        names = ("epoch_seconds", "seconds", "loss", "times_sooner")
        medians = zip(names, (second, total, loss, sooner), strict=True)
        spread = {name: {"median": m, "least": m - 0.5, "most": m + 0.5} for name, m in medians}
        return {"epochs": epochs} | spread

    race = {"plain": run(10, 16.5, 165.0, 105.56, 1.0), "fit": run(2, 3.1, 6.4, 105.2, 25.8)}
    head, plain, fit = tables.race_lines(race)
    assert plain.split() == ["plain", "10", "16.50", "s", "165.0", "s", "105.56"]
    assert fit.split() == [
        *("fit", "2", "3.10", "s", "6.4", "s", "105.20", "25.8", "(25.3", "to", "26.3)"),
    ]
    assert head.index("loss") + 4 == len(plain)


def test_the_chapter_names_the_epochs_that_were_tried_and_the_rates_at_an_end():
    text = " ".join(markdown_of(ROOT / "book" / "training.ipynb").split())
    *first, last = map(str, EPOCHS)
    assert f"The fewest of {', '.join(first)} and {last} epochs" in text
    assert "best constant rate does not. It was the last of its list" in text
    arms = json.loads((FOLDER / "bench.json").read_text())["epochs"]["results"]["784-400-20"][
        "arms"
    ]
    for arm in ("best constant rate", "a rate that rises and falls", "larger batches"):
        assert arms[arm]["ten epochs"]["rate"] == ARMS[arm][1][-1], arm
