"""Checks of counts of parameters and of work, and of a step of training."""

import inspect

import torch
from torch import nn

from vaelib.exercises.answers import Answer, Wrong
from vaelib.exercises.comparing import Exercise, normal
from vaelib.exercises.running import Program, own_state


def _layers(*sizes: tuple[int, int], bias: bool = True) -> int:
    return sum(inputs * outputs + bias * outputs for inputs, outputs in sizes)


def _vae(p, h, d):
    return (p, h), (h, 2 * d), (d, h), (h, p)


PARAMETERS = Exercise(
    reference=lambda input_dim, hidden_dim, latent_dim: _layers(
        *_vae(input_dim, hidden_dim, latent_dim)
    ),
    cases=lambda: [(784, 256, 2), (12, 7, 5), (100, 30, 20)],
    mistakes={
        "the biases are missing: each output has one.": lambda p, h, d: _layers(
            *_vae(p, h, d), bias=False
        ),
        "the encoder gives a mean and a log-variance: its last layer has 2 D outputs.": (
            lambda p, h, d: _layers((p, h), (h, d), (d, h), (h, p))
        ),
        "the decoder takes D numbers, not the 2 D that the encoder gives.": lambda p, h, d: _layers(
            (p, h), (h, 2 * d), (2 * d, h), (h, p)
        ),
        "this is the encoder alone.": lambda p, h, d: _layers(*_vae(p, h, d)[:2]),
        "this is the decoder alone.": lambda p, h, d: _layers(*_vae(p, h, d)[2:]),
        "each layer has one bias: each output has its own.": lambda p, h, d: (
            _layers(*_vae(p, h, d), bias=False) + 4
        ),
        "a layer has a bias for each input: it is for each output.": lambda p, h, d: sum(
            n * m + n for n, m in _vae(p, h, d)
        ),
        "biases are counted for the inputs, too.": lambda p, h, d: sum(
            n * m + n + m for n, m in _vae(p, h, d)
        ),
        "the outputs of each layer are counted, and not their weights.": lambda p, h, d: sum(
            m for _, m in _vae(p, h, d)
        ),
        "the layers at the code are missing.": lambda p, h, d: _layers((p, h), (h, p)) + 0 * d,
    },
)


def check_count_parameters(function):
    """Check a function's parameters of a VAE with a hidden layer each way: P, H, D -> a number."""
    return PARAMETERS.check(function)


CONVOLUTION = Exercise(
    reference=lambda maps_in, maps_out, kernel, height, width: (
        maps_in * maps_out * kernel**2 * height * width
    ),
    cases=lambda: [(1, 32, 3, 14, 14), (5, 7, 4, 6, 9), (3, 2, 5, 10, 8)],
    mistakes={
        "this is the number of weights: each is used at every place.": lambda i, o, k, h, w: (
            i * o * k**2 + 0 * h * w
        ),
        "the kernel has k times k weights.": lambda i, o, k, h, w: i * o * k * h * w,
        "each output map has a kernel for every input map.": lambda i, o, k, h, w: (
            o * k**2 * h * w + 0 * i
        ),
        "a multiply-add is counted as two: these are FLOPs.": lambda i, o, k, h, w: (
            2 * i * o * k**2 * h * w
        ),
        "the biases are no multiply-adds.": lambda i, o, k, h, w: (i * k**2 + 1) * o * h * w,
        "this is a dense layer between as many numbers.": lambda i, o, k, h, w: (
            i * h * w * o * h * w + 0 * k
        ),
        "the output maps are missing.": lambda i, o, k, h, w: i * k**2 * h * w + 0 * o,
    },
)


def check_convolution(function):
    """Check a function's multiply-adds of a convolution for one image.

    maps_in, maps_out, kernel, and the height and width of what comes out -> a number.
    """
    return CONVOLUTION.check(function)


class _Given:
    """A network, its optimizer with a gradient left over from a step before, a batch and a loss."""

    def __init__(self, rate: float = 0.1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
        self.optimizer = torch.optim.SGD(self.model.parameters(), rate, momentum=0.5)
        self.batch = normal(6, 3, seed=91)
        self.calls = self.backward_calls = 0
        for parameter in self.model.parameters():
            parameter.grad = torch.full_like(parameter, 0.3)

    def loss(self, batch):
        """A mean over the batch."""
        self.calls += 1
        value = (self.model(batch) - 1).square().sum(1).mean()
        value.register_hook(self._note)
        return value

    def _note(self, _):
        self.backward_calls += 1

    def weights(self) -> torch.Tensor:
        """All of them in one row."""
        return torch.cat([each.detach().flatten() for each in self.model.parameters()])

    def is_as(self, other) -> bool:
        """Whether the same was done with both."""
        same = torch.allclose(self.weights(), other.weights(), rtol=0, atol=1e-9)
        return same and self._traces() == other._traces()

    def _traces(self):
        gradients = [each.grad for each in self.model.parameters()]
        return self.backward_calls > 0, any(g is not None and g.any() for g in gradients)


def _step(loss, optimizer, batch):
    optimizer.zero_grad()
    value = loss(batch)
    value.backward()
    optimizer.step()
    return value.item()


def _without(zero=True, back=True, step=True, sign=1, twice=False, late_zero=False):
    """A step of training with a mistake in it."""

    def act(loss, optimizer, batch):
        if zero:
            optimizer.zero_grad()
        value = loss(batch)
        if back:
            (sign * value).backward()
        if late_zero:
            optimizer.zero_grad()
        for _ in range(step + twice):
            optimizer.step()

    return act


def _summed(loss, optimizer, batch):
    optimizer.zero_grad()
    (loss(batch) * len(batch)).backward()
    optimizer.step()


STEPS = {
    "the old gradients are still there: optimizer.zero_grad() comes before backward().": (
        _without(zero=False)
    ),
    "no step is taken: optimizer.step() is missing.": _without(step=False),
    "no gradient is computed: loss(batch).backward() is missing.": _without(back=False),
    "the old gradients are still there, and no new one is computed.": _without(
        zero=False, back=False
    ),
    "it climbs: the loss is to fall, so no minus before it.": _without(sign=-1),
    "two steps are taken.": _without(twice=True),
    "the gradient is set to zero between backward() and step(): clear it before.": (
        _without(late_zero=True)
    ),
    "the loss is multiplied by the batch's size: it is a mean already.": _summed,
}


def check_training_step(function):
    """Check a function that takes one step: loss, optimizer, batch -> the loss before it, a number.

    `loss(batch)` gives the mean loss of a network, and the optimizer has the network's weights.

    >>> def step(loss, optimizer, batch):
    ...     value = loss(batch)
    ...     value.backward()
    ...     optimizer.step()
    ...     return value.item()
    >>> check_training_step(step)
    Not yet: the old gradients are still there: optimizer.zero_grad() comes before backward().
    """
    with own_state():
        try:
            return _check_step(Program(function, ("loss", "optimizer", "batch")))
        except Wrong as wrong:
            return wrong.answer()


def _check_step(program: Program) -> Answer:
    given = _Given()
    asked = given.loss, given.optimizer, given.batch
    loss = program.limited(lambda: _returned(program.plain(*asked)))
    if given.weights().shape != _Given().weights().shape:
        raise Wrong("it changes the network itself, and not only its weights.")
    if not torch.allclose(given.weights(), _after(_step).weights(), rtol=0, atol=1e-9):
        for text, wrong in STEPS.items():
            if given.is_as(_after(wrong)):
                raise Wrong(text)
        if given.calls == 0:
            raise Wrong("it never asks for loss(batch).")
        raise Wrong("the weights have moved, but not to where one step of the optimizer leads.")
    if isinstance(loss, str):
        raise Wrong(f"the step is right, but {loss}")
    if given.calls > 1:
        raise Wrong(
            f"the step is right, but it asks for loss(batch) {given.calls} times, and a VAE's loss "
            "has new noise each time: keep what the first has given."
        )
    before = _Given()
    wanted = before.loss(before.batch).item()
    if not abs(loss - wanted) < 1e-6:
        raise Wrong(f"the step is right, but the loss before it was {wanted:.4g}, not {loss:.4g}.")
    return Answer(True, "the weights are where one step leads, and the loss is that before it.")


def _returned(result) -> float | str:
    """The loss that a step returns, or what it returns in its place."""
    if result is None:
        return "it returns nothing: give the loss as a number."
    if isinstance(result, torch.Tensor) and result.requires_grad:
        return "the loss still holds its graph: return loss.item()."
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        raise Wrong("it is a generator or async, and does nothing when it is called: use `return`.")
    try:
        return float(result)
    except Exception:  # whatever an object of the reader's does when it is asked
        return f"it returns {type(result).__name__}, no number."


def _after(step) -> _Given:
    given = _Given()
    step(given.loss, given.optimizer, given.batch)
    return given
