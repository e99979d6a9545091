"""Programs that do what no exercise asks for, each with words of its one sentence."""

import asyncio
import functools
import math
import random
import sys
import threading
import time
import warnings

import numpy as np
import torch
from torch.distributions import Normal

from vaelib import exercises

KL, DRAW, IWAE = (
    exercises.check_closed_form_kl,
    exercises.check_reparameterize,
    exercises.check_iwae_bound,
)
STEP, LOSS, SIGMA = (
    exercises.check_training_step,
    exercises.check_loss,
    exercises.check_best_sigma,
)
IMAGES, GRID, COUNT = (
    exercises.check_prior_images,
    exercises.check_quantile_grid,
    exercises.check_count_parameters,
)


def kl(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(-1)


def step(loss, optimizer, batch):
    optimizer.zero_grad()
    value = loss(batch)
    value.backward()
    optimizer.step()
    return value.item()


async def awaited(mu, log_var):
    return kl(mu, log_var)


async def awaited_one_by_one(mu, log_var):
    yield kl(mu, log_var)


def one_by_one(mu, log_var):
    for row in zip(mu, log_var, strict=True):
        yield kl(*row)


async def awaited_step(loss, optimizer, batch):
    return step(loss, optimizer, batch)


def stepping(loss, optimizer, batch):
    yield step(loss, optimizer, batch)


def raising(error):
    """A program that raises an error."""

    def program(*arguments):
        raise error

    return program


class Untold(Exception):
    """An error that cannot tell what it is."""

    def __str__(self):
        raise RuntimeError("no words")


def stubborn(mu, log_var):
    end = time.monotonic() + 4
    while time.monotonic() < end:
        try:
            sum(range(50))
        except BaseException:
            continue


def sleeping(*arguments):
    time.sleep(3)


def waiting(*arguments):
    threading.Event().wait(3)


def multiplying(*arguments):
    big = torch.ones(500, 500)
    while True:
        big = big @ big / 500


class Awkward:
    """An object that raises at whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")

    __len__ = __float__ = __array__ = __iter__ = __bool__ = lambda self, *a: 1 / 0


class Endless:
    """An object that seems to have elements, without an end."""

    def __len__(self):
        return 10**9

    def __getitem__(self, place):
        while True:
            pass


class Slow:
    """A number that never comes."""

    def __float__(self):
        while True:
            pass


class Signed:
    """A callable whose signature cannot be read."""

    @property
    def __signature__(self):
        raise ValueError("none")

    def __call__(self, mu, log_var):
        return -kl(mu, log_var)


class Named:
    """A callable with a name that is no text."""

    __name__ = 3

    def __call__(self, mu, log_var):
        return 2 * kl(mu, log_var)


class Refusing(torch.Tensor):
    """A tensor that can do nothing."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"no {function}")


class Backwards(torch.autograd.Function):
    """Right numbers whose gradient raises."""

    @staticmethod
    def forward(context, value):
        return value.clone()

    @staticmethod
    def backward(context, slope):
        raise RuntimeError("no way back")


class Forever(torch.autograd.Function):
    """Right numbers whose gradient never comes."""

    @staticmethod
    def forward(context, value):
        return value.clone()

    @staticmethod
    def backward(context, slope):
        while True:
            pass


def leaf_in_place(mu, log_var):
    leaf = mu.detach().requires_grad_()
    leaf += 1
    return kl(leaf, log_var)


def in_place_where_gradients_are_kept(mu, log_var):
    if mu.requires_grad:
        mu.mul_(1)
    return kl(mu, log_var)


def shrinking(mu, log_var):
    result = kl(mu, log_var)
    mu.resize_(2, 2)
    return result


def retyping(mu, log_var):
    result = kl(mu, log_var)
    log_var.data = log_var.data.float()
    return result


def forgetful(loss, optimizer, batch):
    value = step(loss, optimizer, batch)
    optimizer.param_groups[0]["params"][0].data = torch.zeros(2)
    return value


def slow_step(loss, optimizer, batch):
    step(loss, optimizer, batch)
    return Slow()


def listing(decode, n, d):
    return decode([0.0] * d)


def changing_sizes(mu, log_var):
    return kl(mu, log_var) if len(mu) == 4 else kl(mu, log_var)[:2]


def first_only(mu, log_var, seen=[]):  # noqa: B006 - a mistake that readers make
    seen.append(1)
    return kl(mu, log_var) if len(seen) < 3 else kl(mu, log_var) + 1


def with_long_default(mu, log_var, third, other=torch.zeros(40, 40)):  # noqa: B008
    return kl(mu, log_var)


def with_names(*, mean, spread):
    return kl(mean, spread)


def numpy_kl(mu, log_var):
    m, v = mu.numpy(force=True), log_var.numpy(force=True)
    return -0.5 * (1 + v - m**2 - np.exp(v)).sum(-1)


def nested(mu, log_var):
    return torch.nested.nested_tensor([row for row in kl(mu, log_var)[:, None]])  # noqa: C416


def recursive(mu, log_var):
    return recursive(mu, log_var)


STRANGE = [
    (KL, awaited, "it is an async function"),
    (KL, awaited_one_by_one, "it is a generator"),
    (KL, one_by_one, "it is a generator: `return` one tensor"),
    (LOSS, awaited, "wanted a function of (recon, x, mu, log_var)"),
    (STEP, awaited_step, "does nothing when it is called"),
    (STEP, stepping, "does nothing when it is called"),
    (KL, asyncio.run, "wanted a function of (mu, log_var), got one of (main, *"),
    (KL, functools.partial(kl, 1, 2), "wanted a function of (mu, log_var), got one of ()"),
    (KL, functools.partial(kl, torch.zeros(2)), "got one of (log_var)"),
    (KL, with_long_default, "got one of (mu, log_var, third, other=...)"),
    (KL, with_names, "got one of (*, mean, spread)"),
    (KL, torch.nn.Linear(3, 2), "it raises TypeError: Linear.forward() takes"),
    (KL, torch.nn.Linear, "it raises TypeError"),
    (KL, torch.nn.PairwiseDistance, "could be called: return the numbers that it gives"),
    (KL, Signed(), "its sign is turned"),
    (KL, Named(), "twice too large"),
    (KL, raising(KeyboardInterrupt()), "it raises KeyboardInterrupt, for mu of shape (4, 3)"),
    (KL, raising(SystemExit(0)), "it raises SystemExit: 0"),
    (KL, raising(MemoryError()), "it raises MemoryError"),
    (KL, raising(StopIteration(3)), "it raises StopIteration: 3"),
    (KL, raising(GeneratorExit()), "it raises GeneratorExit"),
    (KL, raising(Untold()), "it raises Untold, for mu"),
    (KL, raising(RuntimeError("one\ntwo")), "it raises RuntimeError: one, for mu"),
    (KL, raising(ValueError(object())), "<object object>"),
    (LOSS, raising(ValueError("one\ntwo")), "it raises ValueError: one"),
    (LOSS, raising(KeyboardInterrupt()), "it raises KeyboardInterrupt"),
    (STEP, raising(SystemExit()), "it raises SystemExit"),
    (IMAGES, raising(KeyError("z")), "it raises KeyError: 'z', for num_images = 2000"),
    (KL, recursive, "it raises RecursionError"),
    (KL, lambda m, v: torch.empty(10**15), "it raises RuntimeError"),
    (KL, stubborn, "not done after 1.2 seconds"),
    (KL, sleeping, "restart the kernel if it stays busy"),
    (KL, waiting, "not done after 1.2 seconds"),
    (KL, multiplying, "not done after 1.2 seconds: is there a loop"),
    (LOSS, multiplying, "not done after 1.2 seconds"),
    (KL, lambda m, v: Awkward(), "it returns Awkward, not numbers"),
    (KL, lambda m, v: Endless(), "it returns Endless, not numbers"),
    (SIGMA, lambda x, y: Slow(), "1.2 seconds"),
    (STEP, slow_step, "1.2 seconds"),
    (KL, lambda m, v: kl(m, v).as_subclass(Refusing), "it returns Refusing, not numbers"),
    (KL, lambda m, v: Backwards.apply(kl(m, v)), "it raises RuntimeError: no way back"),
    (KL, lambda m, v: Forever.apply(kl(m, v)), "not done after 1.2 seconds"),
    (DRAW, lambda m, v: Backwards.apply(m + (v / 2).exp() * torch.randn_like(m)), "no way back"),
    (KL, leaf_in_place, "it raises RuntimeError: a leaf Variable"),
    (KL, in_place_where_gradients_are_kept, "where gradients are kept it raises RuntimeError"),
    (KL, lambda m, v: kl(m.mul_(2), v), "changes its argument mu in place"),
    (KL, shrinking, "changes its argument mu in place"),
    (KL, retyping, "changes its argument log_var in place"),
    (SIGMA, lambda x, y: x.sub_(y).square().mean().sqrt(), "changes its argument x in place"),
    (STEP, forgetful, "it changes the network itself"),
    (IMAGES, listing, "decode wants z of shape (num_images, latent_dim), and is given list"),
    (KL, nested, "it returns a nested tensor"),
    (KL, lambda m, v: kl(m, v).half(), "it returns float16, which rounds"),
    (KL, lambda m, v: kl(m, v).bfloat16(), "it returns bfloat16, which rounds"),
    (KL, lambda m, v: kl(m, v).float(), "it returns float32 for float64 arguments"),
    (KL, lambda m, v: kl(m, v).int(), "it returns int32, which has no shares"),
    (KL, lambda m, v: kl(m, v) > 1, "it returns bool, which has no shares"),
    (KL, lambda m, v: torch.complex(kl(m, v), kl(m, v)), "not plain real numbers"),
    (SIGMA, lambda x, y: complex((x - y).square().mean()), "it returns complex, not numbers"),
    (KL, lambda m, v: kl(m, v).to("meta"), "it returns a tensor on meta"),
    (KL, lambda m, v: kl(m, v).to_sparse(), "of layout torch.sparse_coo"),
    (KL, lambda m, v: torch.quantize_per_tensor(kl(m, v).float(), 0.1, 0, torch.qint8), "qint8"),
    (KL, lambda m, v: (kl(m, v), m), "it returns a tuple where one tensor is wanted"),
    (KL, lambda m, v: [float(each) for each in kl(m, v)], "it returns a list"),
    (KL, lambda m, v: str(kl(m, v)), "it returns a str"),
    (KL, lambda m, v: b"1.0", "it returns bytes, not numbers"),
    (KL, lambda m, v: range(4), "it returns a range"),
    (KL, lambda m, v: Normal(m, v.exp()), "it returns Normal, not numbers"),
    (KL, lambda m, v: kl, "could be called: return the numbers"),
    (KL, lambda m, v: NotImplemented, "it returns NotImplementedType, not numbers"),
    (KL, lambda m, v: kl(m, v) * math.nan, "numbers that are NaN"),
    (KL, lambda m, v: kl(m, v) / 0, "numbers that are infinite"),
    (KL, lambda m, v: kl(m, v) + 1e-5, "off by the same number, +1e-05"),
    (KL, lambda m, v: kl(m, v) * (1 + 1e-5), "right to a few digits only"),
    (KL, lambda m, v: kl(m.float(), v.float()).double(), "right to a few digits only"),
    (KL, changing_sizes, "it returns the shape (2,) where (5,) is wanted"),
    (KL, first_only, "it gives, for one"),
    (KL, lambda m, v: m, "it returns the shape (4, 3) where (4,) is wanted"),
    (KL, lambda m, v: m[:, 0], "it gives, for one"),
    (KL, numpy_kl, "no gradient reaches mu and log_var"),
    (IWAE, lambda w: np.log(np.exp(w.numpy(force=True)).mean(0)), "underflow"),
    (COUNT, lambda p, h, d: float("nan"), "numbers that are NaN"),
    (COUNT, lambda p, h, d: 10**400, "it returns int, not numbers"),
    (GRID, lambda side: np.array(["a"] * side), "it returns ndarray, not numbers"),
    (GRID, lambda side: np.linspace(-1, 1, side).astype(np.float128), "it returns ndarray"),
]  # fmt: skip
"""Bad programs: a check, the program, words of the one sentence that answers it."""


def changing(how):
    """A right program that changes something for the whole process, by the way."""

    def program(mu, log_var):
        how()
        return kl(mu, log_var)

    return program


def warn():
    warnings.warn("do not mind", stacklevel=2)


CHANGES = {  # of what a process has one: how a program changes it
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "gradients": lambda: torch.set_grad_enabled(True),
    "draws of torch": lambda: torch.manual_seed(1),
    "draws of NumPy": lambda: np.random.seed(1),  # noqa: NPY002
    "draws of Python": lambda: random.seed(1),
    "default device": lambda: torch.set_default_device("meta"),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "recursion": lambda: sys.setrecursionlimit(12_345),
    "warnings": lambda: warnings.simplefilter("error"),
    "warns": warn,
}
