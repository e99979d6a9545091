"""Changes of a line that leave it true, and why: for each label, what is said and the reason.

A key is a part of the changed line that no other mutant of the label has.
"""

ONE = "p(z) adds up to one, so that the mean of what does not depend on z is itself"
EQUIVALENT: dict[str, dict[str, str]] = {
    "latent-sum": {r"\sum_{z} {p(x)}": ONE},
    "latent-integral": {r"\int {p(x)}": ONE},
    "latent-aggregate": {r"{q(z)}": "the mean of N times the same"},
    "latent-consistency": {
        r"\sum_{x} {p(z)}\, p(x)": "p(x) adds up to one",
        r"\sum_{x} {p(x)}\, p(z)": "p(x) adds up to one",
    },
    "latent-decomposition": {
        r"\big\|^2 {q(z \mid x^{(n)})}": "the term then belongs to the sum before it",
    },
    "kl-jensen": {
        r"\frac{{q(z)}}{q(z)}\right] \\ &= \log": "the logarithm of one is that of the sum of p",
        r"\frac{p(z)}{{p(z)}}\right] \\ &= \log": "the logarithm of one is that of the sum of p",
        r"\sum_z {q(z)}": "q adds up to one as well",
    },
    "kl-moment-matching": {r"\mathbb{E}_p[{\mu}]": "the mean of a constant"},
    "elbo-evidence": {
        r"\int {p(x)}": ONE,
        r"\frac{{p(x)}\, p(z)}": ONE,
    },
    "elbo-jensen": {r"\log \mathbb{E}_{q(z \mid x)}\left[ \frac{{p(x)}\, p(z)}": ONE},
    "elbo-identity": {
        r"= {\log \frac{p(x \mid z)\, p(z)}{p(z \mid x)}}": "the fraction is p(x) at each z",
    },
    "elbo-linear-gaussian": {r"W z + b,\; s^2 )": "a number is the variance of each pixel"},
    "wrong-waterline": {r"\|{W_j}^\top\|": "a row is as long as the column"},
    "reparameterization-change": {
        rf"d\left( \frac{{z{constant}}}": "a constant has no differential"
        for constant in ("", r" + \mu", r" - {\pi}", r" - {\sigma}", r" - {\mu}^{2}")
    },
    "reparameterization-pathwise": {
        r"\mathbb{E}_q[{f(\mu + \sigma\epsilon)}]": "z is mu + sigma eps",
        r"f(\mu - \sigma\epsilon)": "-eps has the distribution of eps",
    },
    "reparameterization-baseline": {
        r"\partial \exp q": "no integral of a function of the density depends on where it lies",
        r"\partial {q(z": "no integral of a function of the density depends on where it lies",
    },
    "reparameterization-best": {
        r"\, {\epsilon_j} \right] \\ &= ": "what is lowest is so in any unit",
        r"{{\sigma_j}^{2}} \right] \\ &= ": "what is lowest is so in any unit",
    },
    "training-product": {r"{-2}^{-100}": "the exponent is even"},
    "evaluating-weights": {r"\mathbb{E}_q[{u}]": "each single weight is unbiased too"},
    "evaluating-grid": {r"\int {p(x)}": ONE},
    "exploring-ellipse": {r"< \kappa^2": "no draw lies on the ellipse itself"},
    "exploring-box": {r"{z}^{2} \in [-1, 1]": "a number is in [-1, 1] where its square is"},
    "exploring-line": {
        r"{t}^{2} \le 1": "a number is in [0, 1] where its square is, if not below 0"
    },
    "exploring-detour": {
        r"\big\| {\hat{x}(z(t_k))} - \hat{x}(z(0))": "no part of the way is longer than the whole",
        r"\hat{x}(z(1)) - {\hat{x}(z(t_k))}": "no part of the way is longer than the whole",
    },
    "exploring-midpoint": {
        r"\mathbb{E} \big\| -(1 - t) z": "-z has the distribution of z, and is as independent",
        r"\mathbb{E} \big\| (1 - t) z - t z'": "-z' has the distribution of z'",
        r"\mathbb{E} \big\| (1 - t) + t z'": "in each coordinate, 1 is as large as z is",
        r"\mathbb{E} \big\| (1 - t) z + t \big\|": "in each coordinate, 1 is as large as z' is",
    },
    "going-further-labels": {
        r"\sum_{y} {p(x)}": "p(y) adds up to one",
        r"-\log {p(x \mid y)} &\le": "-log p(y) is at least 0, and 0 where there is one label",
        r"&\le -\log {p(x)}": "-log p(y) is at least 0, and 0 where there is one label",
    },
    "going-further-vamp": {r"{p(z)}": "the mean of C times the same"},
    "going-further-codes": {
        r"\| {z_i} - \vartheta_k": "the nearest code to a code is that code",
        r"\| {\vartheta_{k_i}} - \vartheta_k": "the nearest code to a code is that code",
    },
}


def is_equivalent(label: str, tex: str) -> bool:
    """Whether a changed line is one of those that are still true."""
    bare = "".join(tex.split())
    return any("".join(part.split()) in bare for part in EQUIVALENT.get(label, {}))
