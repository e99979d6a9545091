"""Checks of the equations in "Going further"."""

import functools

import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

import vaelib
from book._checks.check import Check, Estimate
from book._checks.quadrature import trapezoid

DOUBLE = {"dtype": torch.float64}


def gaussian(mu, sigma):
    """PyTorch's, in float64 also if its parameters are Python's numbers."""
    return Normal(torch.as_tensor(mu, **DOUBLE), torch.as_tensor(sigma, **DOUBLE))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **DOUBLE)


@functools.cache
def convolutions():
    """Layers of PyTorch's with kernels of 4 x 4, and how many numbers they hold."""
    sizes = [(1, 32), (3, 5), (32, 64), (7, 11), (64, 9)]
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    layers = [kinds[n % 2](before, after, 4) for n, (before, after) in enumerate(sizes)]
    before, after = (torch.tensor(column, **DOUBLE) for column in zip(*sizes, strict=True))
    counts = [sum(weights.numel() for weights in layer.parameters()) for layer in layers]
    return {"parameters": torch.tensor(counts, **DOUBLE), "inputs": before, "outputs": after}


@functools.cache
def three_labels():
    """A latent and a pixel, x = w_y z + b_y + noise, for three labels: p(x|y) in closed form.

    For each label three q(z|x, y): two guesses and the true posterior, where the bound is tight.
    """
    w, b = torch.tensor([0.7, -1.3, 2.1], **DOUBLE), torch.tensor([0.4, -0.9, 1.6], **DOUBLE)
    x, s = torch.tensor([1.5, 0.3, -0.8], **DOUBLE), 0.6
    eps, weights = trapezoid(-12, 12, 2001)
    weights = weights * gaussian(0.0, 1.0).log_prob(eps).exp()
    precision = 1 + w**2 / s**2
    mu = torch.stack([w * (x - b) / s**2 / precision, 0.5 * w, w - 1])  # (q, y)
    sigma = torch.stack([precision**-0.5, torch.full_like(w, 0.8), torch.full_like(w, 1.7)])
    q = gaussian(mu, sigma)
    z = mu[..., None] + sigma[..., None] * eps
    return {
        "E": lambda values: (weights * values).sum(-1),
        "log_p_x_given_z_y": gaussian(w[:, None] * z + b[:, None], s).log_prob(x[:, None]),
        "KL": kl_divergence,
        "q": q,
        "p_z": gaussian(torch.zeros_like(mu), torch.ones_like(sigma)),
        "log_p_x_given_y": gaussian(b, (w**2 + s**2).sqrt()).log_prob(x),
    }


@functools.cache
def labelled_pixels():
    """Images of five pixels of a Bernoulli mixture with four labels, all 32 of them.

    The last mixture has one label alone, so that the bound is tight there.
    """
    pixels = random(4, 5).sigmoid()
    p_y = torch.tensor([[0.1, 0.25, 0.3, 0.35], [0.0, 1.0, 0.0, 0.0]], **DOUBLE)
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], **DOUBLE)] * 5)
    p_x_given_y = Bernoulli(pixels).log_prob(x[:, None]).sum(-1).exp()  # (x, y)
    components = torch.distributions.Independent(Bernoulli(pixels), 1)
    joint = torch.stack(
        [MixtureSameFamily(Categorical(p), components).log_prob(x) for p in p_y]
    )  # (2, x)
    posterior = torch.stack(
        [Categorical(logits=(p.log() + p_x_given_y.log())).probs for p in p_y]
    )  # (2, x, y)
    return {
        "sum": lambda values: values.sum(-1),
        "log": torch.log,
        "log_p_x": joint,
        "p_y": p_y[:, None],
        "p_x_given_y": p_x_given_y,
        "p_y_given_x": posterior.movedim(-1, 0),
        "p_x_given_1": p_x_given_y[:, 1],
        "p_1": p_y[:, 1:2],
        "each_p_y": p_y.T[:, :, None],
        "each_p_x_given_y": p_x_given_y.T[:, None],
    }


@functools.cache
def end_levels():
    """The mass of a logistic density below the first bin's end and above the last one's start."""
    x_hat = torch.tensor([0.1, 0.33, 0.5, 0.9], **DOUBLE)
    gamma = torch.tensor([0.03, 0.11, 0.2, 0.07], **DOUBLE)

    def beyond(edge, sign):
        steps, weights = trapezoid(0, 60, 60001)  # in scales away from the edge
        u = (edge - x_hat[:, None]) / gamma[:, None] + sign * steps
        return (weights * torch.exp(-u.abs()) / (1 + torch.exp(-u.abs())) ** 2).sum(-1)

    def found(level):
        log_p = [
            vaelib.discretized_logistic_log_likelihood(torch.full((1,), level, **DOUBLE), m, g)
            for m, g in zip(x_hat[:, None], gamma.log()[:, None], strict=True)
        ]
        return torch.stack(log_p).exp()

    return {
        "mass_below": beyond(1 / 510, -1),
        "mass_above": beyond(1 - 1 / 510, 1),
        "vaelib_0": found(0.0),
        "vaelib_1": found(1.0),
        "sigmoid": torch.sigmoid,
        "x_hat": x_hat,
        "gamma": gamma,
    }


@functools.cache
def grey_pixel():
    """Densities of a grey pixel, against PyTorch's continuous Bernoulli and a quadrature."""
    a = torch.tensor([-6.0, -0.7, 0.03, 4.2], **DOUBLE)
    x, weights = trapezoid(0, 1, 20001)
    some = torch.tensor([0.0, 0.21, 0.83, 1.0], **DOUBLE)
    oracle = ContinuousBernoulli(logits=a)
    return {
        "log_p": oracle.log_prob(some[:, None]),
        "x": some[:, None],
        "a": a,
        "log": torch.log,
        "exp": torch.exp,
        "one": torch.ones_like(a),
        "integral": lambda function: (weights[:, None] * function(x[:, None])).sum(0),
    }


@functools.cache
def best_sigma():
    """The standard deviation of highest likelihood for six images and three draws of z each."""
    x, x_hat = random(6, 11).sigmoid(), random(3, 6, 11, seed=1).sigmoid()
    low, high = torch.tensor(1e-3, **DOUBLE), torch.tensor(3.0, **DOUBLE)

    def slope(s):
        s = s.clone().requires_grad_()
        return torch.autograd.grad(gaussian(x_hat, s).log_prob(x).sum(), s)[0]

    for _ in range(100):  # the likelihood rises up to the best one and falls from there
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return {
        "s": low,
        "P": 11,
        "sum": lambda values: values.sum(-1),
        "E_q": lambda values: values.mean(0),
        "E_x": lambda values: values.mean(0),
        "log": torch.log,
        "pi": torch.pi,
        "x": x,
        "x_hat": x_hat,
        "log_p_x_given_z": gaussian(x_hat, low).log_prob(x).sum(-1),
    }


@functools.cache
def two_layers():
    """h2 -> h1 -> x, all of one number and Gaussian: p(x) and both posteriors in closed form.

    The first q is the true posterior, where the bound is tight; the second is none.
    """
    up, down, s1, s, x = 0.8, 1.7, 0.6, 0.5, torch.tensor(1.1, **DOUBLE)
    var1 = up**2 + s1**2  # of h1
    var_x = down**2 * var1 + s**2
    mu1, sigma1 = down * var1 / var_x * x, (var1 * s**2 / var_x) ** 0.5
    slope2, sigma2 = up / var1, s1 / var1**0.5
    eps, weights = trapezoid(-9, 9, 241)
    weights = weights * gaussian(0.0, 1.0).log_prob(eps).exp()
    guesses = torch.tensor([[mu1, sigma1, slope2, sigma2], [0.3, 0.7, 0.9, 0.8]], **DOUBLE)
    m1, d1, k2, d2 = guesses.T[..., None, None]
    h1 = m1 + d1 * eps[:, None]
    h2 = k2 * h1 + d2 * eps
    return {
        "E": lambda values: (weights[:, None] * weights * values).sum((-1, -2)),
        "log_p_x_given_h1": gaussian(down * h1, s).log_prob(x),
        "log_p_h1_given_h2": gaussian(up * h2, s1).log_prob(h1),
        "log_p_h2": gaussian(0.0, 1.0).log_prob(h2),
        "log_q_h1_given_x": gaussian(m1, d1).log_prob(h1),
        "log_q_h2_given_h1": gaussian(k2 * h1, d2).log_prob(h2),
        "log_p_x": gaussian(0.0, var_x**0.5).log_prob(x),
    }


@functools.cache
def pseudo_inputs():
    """The prior of a VampPriorVAE with five pseudo-inputs, and its posteriors there by PyTorch."""
    torch.manual_seed(0)
    model = vaelib.VampPriorVAE(6, 8, 3, num_components=5).double()
    z = random(7, 3, seed=2)
    with torch.no_grad():
        mu, log_var = model.encode(model.images_of_the_prior())
        prior = model.prior().log_prob(z).exp()
    parts = torch.distributions.Independent(gaussian(mu, (log_var / 2).exp()), 1)
    return {
        "p_z": prior,
        "C": 5,
        "sum": lambda values: values.sum(-1),
        "q": parts.log_prob(z[:, None]).exp(),
    }


@functools.cache
def straight_lines():
    """Two million lines from noise to three codes of one number, looked at where t is 0.6.

    The best v that is constant on narrow bins of z_t is found from the lines by least squares, with
    its error; the mean of z - eps at the bins' middles by Bayes' rule.
    """
    codes, share = torch.tensor([-2.0, 0.5, 1.7], **DOUBLE), torch.tensor([0.2, 0.5, 0.3], **DOUBLE)
    t, width = 0.6, 0.02
    generator = torch.Generator().manual_seed(0)
    which = torch.multinomial(share, 2_000_000, True, generator=generator)
    z, eps = codes[which], torch.randn(2_000_000, generator=generator, **DOUBLE)
    z_t = torch.lerp(eps, z, t)
    places = torch.linspace(-1.5, 1.5, 7, **DOUBLE)
    bins = [(z - eps)[(z_t - place).abs() < width / 2] for place in places]
    means = [Estimate.mean(lines) for lines in bins]
    weights = share * gaussian(t * codes, 1 - t).log_prob(places[:, None]).exp()
    posterior = weights / weights.sum(-1, keepdim=True)
    return {
        "best_v": Estimate(*(torch.stack(part) for part in zip(*map(_pair, means), strict=True))),
        "E": lambda lines: (posterior * lines).sum(-1),
        "z": codes,
        "eps": (places[:, None] - t * codes) / (1 - t),
        "some_z_t": z_t[:9],
        "some_eps": eps[:9],
        "some_z": z[:9],
        "t": t,
    }


def _pair(estimate: Estimate) -> tuple[torch.Tensor, torch.Tensor]:
    return estimate.value, estimate.error


@functools.cache
def mixture_flow():
    """Codes of two tilted Gaussians in the plane, whose best velocity has a closed form.

    The way from three codes back to their noise is integrated by the midpoint rule. That the
    density comes out shows that the velocity carries the noise to the codes.
    """
    share = torch.tensor([0.35, 0.65], **DOUBLE)
    m = torch.tensor([[-1.2, 0.4], [0.9, -0.5]], **DOUBLE)
    root = torch.tensor([[[0.6, 0.0], [0.3, 0.4]], [[0.5, 0.0], [-0.4, 0.7]]], **DOUBLE)
    covariance, unit = root @ root.mT, torch.eye(2, **DOUBLE)
    codes = MixtureSameFamily(Categorical(share), MultivariateNormal(m, covariance))
    ends = torch.tensor([[-1.0, 0.6], [0.2, 0.1], [1.3, -1.0]], **DOUBLE)

    def velocity(z, t):
        spread = (1 - t) ** 2 * unit + t**2 * covariance  # of z_t, for each Gaussian
        log_p = MultivariateNormal(t * m, spread).log_prob(z[:, None]) + share.log()
        lean = (t * covariance - (1 - t) * unit) @ torch.linalg.inv(spread)
        lines = m + ((z[:, None] - t * m)[:, :, None] @ lean.mT)[:, :, 0]
        return (log_p.softmax(1)[:, :, None] * lines).sum(1)

    def divergence(z, t):
        jacobian = torch.func.vmap(torch.func.jacrev(lambda one: velocity(one[None], t)[0]))(z)
        return jacobian.diagonal(dim1=1, dim2=2).sum(1)

    steps, z, way = 400, ends, [ends]
    divergences = []
    for number in reversed(range(steps)):
        middle = z - velocity(z, (number + 1) / steps) / steps / 2
        divergences.append(divergence(middle, (number + 0.5) / steps))
        z = z - velocity(middle, (number + 0.5) / steps) / steps
        way.append(z)
    place, t, small = way[steps // 3], 1 - (steps // 3) / steps, 1e-4
    ahead = place + small * velocity(place + small / 2 * velocity(place, t), t + small / 2)
    return {
        "dz_dt": (ahead - place) / small,
        "v": velocity(place, t),
        "log_p_z": codes.log_prob(ends),
        "log_normal": lambda z: gaussian(0.0, 1.0).log_prob(z).sum(-1),
        "z_0": way[-1],
        "integral": lambda values: values.mean(0),
        "divergence_of_v": torch.stack(divergences),
    }


@functools.cache
def flow_posterior():
    """q(z|x) of a FlowVAE by its inverse steps, and by the Jacobian matrix of the way there.

    The way ends by two coordinates changing places, so that the determinants are negative.
    """
    torch.manual_seed(0)
    model = vaelib.FlowVAE(6, 8, 3, num_steps=3, step_dim=5).double()
    images, swapped = random(4, 6).sigmoid(), [1, 0, 2]
    with torch.no_grad():
        q = model.posterior(images)
        z_0 = q.base.from_noise(random(4, 3, seed=1))
        log_q = q.log_prob(q._sent(z_0)[0])

    def sent(start, row):
        return q._sent(start.expand(4, -1))[0][row, swapped]

    jacobians = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda start, row=row: sent(start, row), z_0[row])
            for row in range(4)
        ]
    )
    base = MultivariateNormal(q.mu, torch.diag_embed(q.log_var.exp()))
    return {
        "log_q": log_q.detach(),
        "log_q_0": base.log_prob(z_0).detach(),
        "log": torch.log,
        "abs": torch.abs,
        "det": torch.linalg.det,
        "jacobian": jacobians.detach(),
    }


@functools.cache
def code_grids():
    """Two places and three codes: every grid, its probability, and p(x) by the sum over them.

    The second image can come from one grid alone, so that the bound is tight there.
    """
    first, second = random(3).softmax(0), random(3, 3, seed=1).softmax(1)  # p(k_1), p(k_2|k_1)
    vectors, found = random(3, 2, seed=2), random(4, 2, 2, seed=3)  # (code, d), (image, place, d)
    distances = torch.cdist(found, vectors)  # (image, place, code)
    p_x = random(2, 3, 3, seed=4).exp()  # p(x|z) of two images at each grid
    p_x[1] = 0
    p_x[1, 0, 2] = 0.7
    grids = [(0, 0, 1), (0, 2, 2), (1, 0, 2)]  # an image, and the codes that its encoder names
    image, k_1, k_2 = torch.tensor(grids).T
    return {
        "log": torch.log,
        "log_p_x": (p_x * first[:, None] * second).sum((1, 2)).log()[image],
        "log_p_x_given_z": p_x[image, k_1, k_2].log(),
        "log_p_k": torch.stack([first[k_1], second[k_1, k_2]]).log(),
        "sum": lambda values: values.sum(0),
        "nearest": vaelib.models.code_prior.nearest_codes(found.flatten(1), vectors).double(),
        "argmin": lambda values: values.argmin(-1).double(),
        "distance": lambda a, b: (a[:, :, None] - b).norm(dim=-1),
        "mu": found,
        "theta": vectors,
        "z": vaelib.models.vq.Codes(found.flatten(1), vectors).mean.unflatten(1, (2, 2)),
        "k": distances.argmin(-1),
    }


@functools.cache
def code_use():
    """How often nine codes are used, one of them never."""
    share = torch.tensor([4.0, 1, 0, 7, 2, 2, 9, 1, 5], **DOUBLE)
    share = share / share.sum()
    return {
        "perplexity": Categorical(share).entropy().exp(),
        "exp": torch.exp,
        "sum": torch.sum,
        "share": share,
        "log": lambda p: torch.where(p > 0, p.log(), 0),  # for 0 log 0 is 0
    }


CHECKS = [
    Check(
        label="going-further-convolution",
        how="The numbers that five convolutions of PyTorch hold are counted, each way.",
        tex=r"""\mathrm{parameters}_l = (4 \cdot 4 \cdot \mathrm{in}_l + 1)\,\mathrm{out}_l .""",
        chains=(("parameters", "(4 * 4 * inputs + 1) * outputs"),),
        names=convolutions,
    ),
    Check(
        label="going-further-conditional",
        how="Three labels of a model with one latent and one pixel, where p(x|y) is known, and "
        "three q for each by quadrature; with the true posterior both sides are equal.",
        tex=r"""\log p(x \mid y) \ge \mathbb{E}_q\big[\log p(x \mid z, y)\big]
- \mathrm{KL}\big(q(z \mid x, y) \,\|\, p(z)\big) .""",
        chains=(("E(log_p_x_given_z_y) - KL(q, p_z)", "log_p_x_given_y"),),
        relation="<=",
        names=three_labels,
    ),
    Check(
        label="going-further-labels",
        how="All 32 images of five pixels, with four labels; the mixture and its posterior from "
        "torch.distributions. With one label alone both sides of the last line are equal.",
        tex=r"""\begin{aligned}
\log p(x) &= \log \sum_{y} p(x \mid y)\, p(y) , \\
p(y \mid x) &= \frac{p(x \mid y)\, p(y)}{p(x)} , \\
-\log p(x) &\le -\log p(x \mid y) - \log p(y) .
\end{aligned}""",
        chains=(
            ("log_p_x", "log(sum(p_x_given_y * p_y))"),
            ("p_y_given_x", "each_p_x_given_y * each_p_y / sum(p_x_given_y * p_y)"),
            ("-log_p_x", "-log(p_x_given_1) - log(p_1)"),
        ),
        relation=("==", "==", "<="),
        names=labelled_pixels,
    ),
    Check(
        label="going-further-ends",
        how="The logistic density is integrated beyond the two ends, and "
        "`vaelib.discretized_logistic_log_likelihood` asked.",
        tex=r"""\begin{aligned}
p(x_i = 0 \mid z) &= \operatorname{sigmoid}\!\Big(\frac{1/510 - \hat{x}_i}{\gamma_i}\Big) , \\
p(x_i = 1 \mid z) &= 1 - \operatorname{sigmoid}\!\Big(\frac{1 - 1/510 - \hat{x}_i}{\gamma_i}\Big) .
\end{aligned}""",
        chains=(
            ("mass_below", "sigmoid((1 / 510 - x_hat) / gamma)", "vaelib_0"),
            ("mass_above", "1 - sigmoid((1 - 1 / 510 - x_hat) / gamma)", "vaelib_1"),
        ),
        names=end_levels,
        tolerance=1e-6,
    ),
    Check(
        label="going-further-continuous",
        how="PyTorch's continuous Bernoulli at four pixels and four logits, one of them near 0; "
        "and the integral over all grey pixels is 1.",
        tex=r"""\log p(x_i \mid z) = a_i x_i + \log \frac{a_i}{e^{a_i} - 1} .""",
        chains=(
            ("log_p", "a * x + log(a / (exp(a) - 1))"),
            ("integral(lambda x: exp(a * x) * a / (exp(a) - 1))", "one"),
        ),
        names=grey_pixel,
        tolerance=1e-7,
    ),
    Check(
        label="going-further-sigma",
        how="The best s for six images and three draws of each is found by bisection on the "
        "slope of the likelihood.",
        tex=r"""\begin{aligned}
s^2 &= \frac{1}{P}\, \mathbb{E}_x\, \mathbb{E}_q\Big[ \sum_{i=1}^{P} (x_i - \hat{x}_i)^2 \Big] , \\
\mathbb{E}_x\, \mathbb{E}_q[\log p(x \mid z)] &= -\frac{P}{2} \big( \log 2 \pi s^2 + 1 \big) .
\end{aligned}""",
        chains=(
            ("s ** 2", "1 / P * E_x(E_q(sum((x - x_hat) ** 2)))"),
            ("E_x(E_q(log_p_x_given_z))", "-P / 2 * (log(2 * pi * s ** 2) + 1)"),
        ),
        names=best_sigma,
    ),
    Check(
        label="going-further-two-layers",
        how="Two latents and a pixel, all Gaussian, by quadrature over both layers; with the true "
        "posterior both sides are equal.",
        tex=r"""\begin{aligned}
\log p(x) \ge \mathbb{E}_q\big[ &\log p(x \mid h_1) + \log p(h_1 \mid h_2) + \log p(h_2) \\
&- \log q(h_1 \mid x) - \log q(h_2 \mid h_1) \big] .
\end{aligned}""",
        chains=(
            (
                "E(log_p_x_given_h1 + log_p_h1_given_h2 + log_p_h2"
                " - log_q_h1_given_x - log_q_h2_given_h1)",
                "log_p_x",
            ),
        ),
        relation="<=",
        names=two_layers,
    ),
    Check(
        label="going-further-vamp",
        how="The prior of a `vaelib.VampPriorVAE` with five pseudo-inputs, and its posteriors "
        "there as Gaussians of torch.distributions.",
        tex=r"""p(z) = \frac{1}{C} \sum_{k=1}^{C} q(z \mid \xi_k) .""",
        chains=(("p_z", "1 / C * sum(q)"),),
        names=pseudo_inputs,
    ),
    Check(
        label="going-further-matching",
        how="Two million lines to three codes of one number: the v of least squares at seven "
        "places, and the mean of the lines there by Bayes' rule.",
        tex=r"""\begin{aligned}
z_t &= (1 - t)\, \epsilon + t z , \\
v^\star(z_t, t) &= \mathbb{E}[z - \epsilon \mid z_t] .
\end{aligned}""",
        chains=(
            ("some_z_t", "(1 - t) * some_eps + t * some_z"),
            ("best_v", "E(z - eps)"),
        ),
        names=straight_lines,
    ),
    Check(
        label="going-further-flow-prior",
        how="Codes of two tilted Gaussians in the plane, whose best velocity is known: the way is "
        "integrated in 400 steps, and the density compared with that of the mixture.",
        tex=r"""\begin{aligned}
\frac{dz_t}{dt} &= v(z_t, t) , \\
\log p(z) &= \log \mathcal{N}(z_0; 0, I) - \int_0^1 \nabla \cdot v(z_t, t)\, dt .
\end{aligned}""",
        chains=(("dz_dt", "v"), ("log_p_z", "log_normal(z_0) - integral(divergence_of_v)")),
        names=mixture_flow,
        tolerance=1e-3,
    ),
    Check(
        label="going-further-flow",
        how="The density of a `vaelib.FlowVAE` with three latents by its inverse steps, with two "
        "latents exchanged at the end, against the determinant of the Jacobian matrix from "
        "automatic differentiation.",
        tex=r"""\log q(z \mid x) = \log q_0(z_0 \mid x)
- \log \left| \det \frac{\partial T(z_0)}{\partial z_0} \right| , \qquad z = T(z_0) .""",
        chains=(("log_q", "log_q_0 - log(abs(det(jacobian)))"),),
        names=flow_posterior,
    ),
    Check(
        label="going-further-codes",
        how="The nearest codes as `vaelib` finds them; and with three codes at two places every "
        "grid is summed over. Where one grid alone explains the image both sides are equal.",
        tex=r"""\begin{aligned}
k_i &= \operatorname*{arg\,min}_k \| \mu_i - \vartheta_k \| , \qquad z_i = \vartheta_{k_i} , \\
\log p(x) &\ge \log p(x \mid z) + \sum_i \log p(k_i \mid k_1, \dots, k_{i-1}) .
\end{aligned}""",
        chains=(
            ("nearest", "argmin(distance(mu, theta))"),
            ("z", "theta[k]"),
            ("log_p_x_given_z + sum(log_p_k)", "log_p_x"),
        ),
        relation=("==", "==", "<="),
        names=code_grids,
    ),
    Check(
        label="going-further-perplexity",
        how="The entropy is that of torch.distributions; one of the nine codes is never used.",
        tex=r"""\mathrm{perplexity} =
\exp\Big(-\sum_{k=1}^{C} \mathrm{share}_k \log \mathrm{share}_k\Big) .""",
        chains=(("perplexity", "exp(-sum(share * log(share)))"),),
        names=code_use,
    ),
]
