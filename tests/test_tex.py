"""The printed formulas are read as a reader reads them."""

import math

import numpy as np
import pytest
from torch.distributions import Normal

from book._checks.arrays import Array, over
from book._checks.check import Check
from book._checks.evaluate import Evaluation
from book._checks.matrices import Multiple
from book._checks.mutants import mutants
from book._checks.scope import Draws, Given, Law, Scope
from book._checks.tex import NotAnExpression, parse

MATRIX = np.array([[2.0, 1.0, 0.5], [0.3, 3.0, -1.0], [0.7, 0.2, 1.5]])
NAMES = {
    "a": 3.0,
    "b": 5.0,
    "N": 4,
    "x_{:i}^{(:n)}": over("n i", np.arange(12.0).reshape(4, 3)),
    "y_{:k}": over("k", [7.0, 8.0, 9.0], start=0),
    "u": [1.0, 2.0, 2.0],
    "W": MATRIX,
    "I": Multiple(),
    "f(:)": lambda z: z**2,
    r"\mu_q": 0.5,
    r"\mu_{:j}": over("j", [1.0, 2.0]),
    "z": 0.7,
    "q(:z)": Law(Normal, 0.0, 1.0),
    "q": Law(Normal, 0.0, 1.0),
    "p": Law(Normal, 1.0, 1.0),
    r"\mathbb{E} q": Draws({"z": over("draw", [-1.0, 3.0])}, over("draw", [0.25, 0.75])),
    r"\int z": Draws({"z": over("point", [0.0, 1.0])}, over("point", [0.5, 0.5]), "point"),
    "g": Given(lambda look: look("z") ** 3),
    r"\log w": 2.0,
}


def value(tex: str) -> Array:
    (statement,) = parse(tex)
    with np.errstate(all="ignore"):
        return Evaluation(Scope(NAMES)).value(statement)


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("a b^2 - 1", 74),
        (r"\frac{a}{b} \cdot 10", 6),
        ("-a^2", -9),
        ("2 a / b a", 2 * 3 / 5 * 3),
        ("a (b - 1)^2", 48),
        (r"a \big( b - 1 \big)", 12),
        ("f(a)^2", 81),
        (r"\log e^a b", math.log(math.e**3 * 5)),
        (r"a \log b - 1", 3 * math.log(5) - 1),
        (r"\log (b) a", 3 * math.log(5)),
        (r"\log_2 8", 3),
        (r"\sqrt{a + 1}", 2),
        (r"\exp\left( -a \right)", math.exp(-3)),
        (r"\sin \pi / 2 + \cos 0", 1),
        (r"\max(a, b)", 5),
        (r"| 1 - a | b", 10),
        (r"\| u \|^2 a", 27),
        (r"u \cdot u", 9),
        (r"u^\top W u", np.array([1, 2, 2]) @ MATRIX @ np.array([1, 2, 2])),
        (r"\det W^{-1}", 1 / np.linalg.det(MATRIX)),
        (r"\det (W - a I)", np.linalg.det(MATRIX - 3 * np.eye(3))),
        ("W_{12}", None),
        (r"\sum_{n=1}^{N} x_2^{(n)}", 1 + 4 + 7 + 10),
        (r"\sum_{i=2}^{3} x_i^{(4)} + i", 10 + 2 + 11 + 3),
        (r"\sum_{i=2}^{3} x_i^{(4)} + a", 21 + 3),
        (r"\sum_{i=1}^{N} a", 12),
        (r"\prod_{k=0}^{2} y_k", 504),
        (r"\sum_k y_k - y_0", 17),
        (r"\max_k y_k", 9),
        (r"\operatorname*{arg\,min}_k \mu_k", 1),
        (r"\mu_q + \mu_2", 2.5),
        (r"\mathbb{E}_q[z^2] - z", 7 - 0.7),
        (r"\operatorname{Var}_q[z]", 3),
        (r"\int z^2 \, dz + 1", 1.5),
        (r"\int_0^2 a^2 \, da", 8 / 3),
        (r"\frac{\partial g}{\partial z}", 3 * 0.49),
        (r"\frac{\partial}{\partial z} \big[ a g \big]", 9 * 0.49),
        (r"\mathrm{KL}(q \,\|\, p)", 0.5),
        ("q(z)", math.exp(-0.49 / 2) / math.sqrt(2 * math.pi)),
        (r"\log w - 1", 1),
        (r"\Big[ a < b \Big] + [ a > b ]", 1),
        (r"\lim_{K \to \infty} \frac{K a + 1}{K}", 3),
    ],
)
def test_a_formula_is_worth_what_it_says(tex, expected):
    if expected is None:
        with pytest.raises(NotAnExpression):
            value(tex)
    else:
        assert value(tex).axes == ()
        assert value(tex).data == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "tex",
    [
        *("a +", "(a", r"\frac{a}{}", "a ^", "h", "h(a)", "u W", "W u^2 W", "= a"),
        *(r"\sum_{i=1}^{a/2} i", r"\mathbb{E}_p[z]", r"\| a \|", "x_i^{(n)} +", r"\| u"),
        *(r"\int z", r"\mathrm{KL}(a \| q)"),
    ],
)
def test_what_is_no_expression_is_refused(tex):
    with pytest.raises(NotAnExpression):
        value(tex)


def test_a_free_index_is_an_axis():
    found = value("x_j^{(m)} - x_j^{(1)}")
    assert set(found.axes) == {"j", "m"}
    assert value("x_i^{(9)}").data.tolist() == pytest.approx([np.nan] * 3, nan_ok=True)


def holds(tex: str, **names) -> bool:
    check = Check("some", "", lambda: {**NAMES, **names}, 1e-9)
    return check.failure(tex) is None


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("a = 3 , \\qquad b = 5 .", True),
        ("a = 3 , b = 6", False),
        ("a = b - 2 = 3", True),
        (r"1 \le c \le 3", True),
        (r"1 \le c \le 4", False),
        (r"0 \le c", False),
        (r"c \ge 1", True),
        (r"a \le 3", False),
        (r"a \approx 3.05", True),
        (r"a \approx 3", False),
        (r"a \approx 3.2", False),
        ("0 < c", False),
        ("0.95 < c", True),
        ("k = 0, \\dots, N - 1", True),
        ("k = 1, \\dots, N - 1", False),
        ("k = 0, \\dots, N", False),
        (r"\underbrace{a + b}_{c_a} = 8", True),
        (r"\underbrace{a - b}_{c_a} = -2", False),
        (r"z \sim \mathcal{N}(0, 1)", True),
        (r"z \sim \mathcal{N}(0, 2)", False),
    ],
)
def test_a_relation_must_hold_and_be_as_sharp_as_it_can(tex, expected):
    names = {
        "c": over("case", [1.0, 2.0, 3.0]),
        "c_a": 8.0,
        r"\approx": 0.1,
        "<": 0.1,
        "k": over("k", range(4)),
        r"\sim": (1 + math.erf(0.7 / math.sqrt(2))) / 2,
    }
    assert holds(tex, **names) is expected


def test_a_statement_that_nobody_compares_is_a_failure():
    assert not holds("a + b")
    assert holds("a + b", **{"?1": 8.0})
    assert not holds("a = 3, b = 5", **{"?only": 1})


def test_mutants_change_each_part_of_the_line():
    found = {"".join(mutant.tex.split()) for mutant in mutants(r"s = \frac{1}{2} x_i^2 - \mu_q")}
    for wrong in (
        r"s=\frac{1}{2}x_i^2+\mu_q",
        r"s=\frac{1}{{3}}x_i^2-\mu_q",
        r"s=\frac{1}{2}x_i^{3}-\mu_q",
        r"s=\frac{1}{2}x_i-\mu_q",
        r"s=\frac{1}{2}x_i^2",
        r"s\le\frac{1}{2}x_i^2-\mu_q",
        r"s=\frac{2}{1}x_i^2-\mu_q",
        r"s=x_i^2-\mu_q",
    ):
        assert wrong in found
