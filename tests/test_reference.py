"""What the module's page makes of docstrings."""

import sys

import pytest

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import reference


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (":param latent_dim: D.", r":param latent_dim: \D."),
        (":param images: B images.", ":param images: B images."),
        ("A mean: (K, B) -> (B,), nats.", "A mean: (K, B)\u00a0→ (B,), nats."),
        ("Nats: -ELBO and -log p(x).", "Nats: −ELBO and −log p(x)."),
        (">>> f(x) -> y", ">>> f(x) -> y"),
        ("a log-density, 3-log x", "a log-density, 3-log x"),
    ],
)
def test_a_line_is_written_as_a_reader_wants_it(line, written):
    assert reference.written(line) == written


def test_a_number_of_a_field_is_not_told():
    lines = ["Alias for field number 2"]
    reference.rewrite(None, "attribute", "x", None, None, lines)
    assert lines == []
