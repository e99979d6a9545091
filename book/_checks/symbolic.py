"""Means under Gaussians in SymPy, which the symbolic checks share."""

from functools import cache

import sympy

MEAN, SIGMA = sympy.Symbol("mean", real=True), sympy.Symbol("sigma", positive=True)


@cache
def moment(power: int) -> sympy.Expr:
    """SymPy's integral of z^power N(z; mean, sigma^2) over the real line."""
    z = sympy.Symbol("z", real=True)
    density = sympy.exp(-((z - MEAN) ** 2) / (2 * SIGMA**2)) / sympy.sqrt(2 * sympy.pi * SIGMA**2)
    integral = sympy.integrate(z**power * density, (z, -sympy.oo, sympy.oo))
    return sympy.expand(sympy.simplify(integral))


def gaussian_mean(polynomial, gaussians: dict) -> sympy.Expr:
    """The mean of a polynomial in independent variables.

    Args:
        polynomial: in the keys of `gaussians`; its coefficients may hold other symbols.
        gaussians: for each variable, a symbol, its mean and standard deviation.

    Raises:
        ValueError: if it is no polynomial in these variables.
    """
    try:
        terms = sympy.Poly(polynomial, *gaussians).terms()
    except sympy.PolynomialError:
        raise ValueError(f"wanted a polynomial in {[*gaussians]}, got {polynomial}") from None
    total = sympy.Integer(0)
    for powers, factor in terms:
        for power, (mean, sigma) in zip(powers, gaussians.values(), strict=True):
            factor *= moment(power).subs({MEAN: mean, SIGMA: sigma}, simultaneous=True)
        total += factor
    return sympy.expand(total)
