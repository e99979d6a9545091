"""A reader's function beside a reference, and beside the mistakes that readers make.

Each known mistake is a small function. It is named only if the reader's results are its results on
all inputs; otherwise what differs is described: the shape, a factor, the sign, the first entry.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable

import torch
from torch import Tensor

from vaelib.exercises.answers import Answer, Wrong
from vaelib.exercises.results import as_tensor
from vaelib.exercises.running import Program, Raised, arguments_in_words, own_state

COARSE = {torch.float16, torch.bfloat16}
WHOLE = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
CLOSE = {torch.float64: 1e-7, torch.float32: 2e-4}


@dataclasses.dataclass(frozen=True)
class Exercise:
    """What a function has to compute.

    Attributes:
        reference: computes it; its parameters' names are told to the reader.
        cases: gives lists of arguments, in float64, whose sizes all differ.
        mistakes: sentence -> a function that makes that mistake.
        others: what is right as well, such as another way to use the same noise.
        gradient: whether training needs the result's gradient.
        shapes: what a result of another shape lacks, in words: "sum over the last axis".
    """

    reference: Callable
    cases: Callable[[], list[tuple]]
    mistakes: dict[str, Callable]
    others: tuple[Callable, ...] = ()
    gradient: bool = False
    shapes: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arguments."""
        return tuple(inspect.signature(self.reference).parameters)

    def check(self, function) -> Answer:
        """Whether a function computes what is wanted, and if not, what it does instead."""
        with own_state():
            try:
                return self._checked(Program(function, self.names))
            except Wrong as wrong:
                return wrong.answer()

    def _checked(self, program: Program) -> Answer:
        cases = self.cases()
        found = [program(*case) for case in cases]
        right = self._right_one(found, cases)
        if right is None:
            raise Wrong(self._mistake(found, cases) or self._description(found, cases))
        for result, case in zip(found, cases, strict=True):
            _check_precision(result, case)
        single = tuple(_single(each) for each in cases[0])
        result, wanted = program(*single), as_tensor(right(*single))
        if not _close(result, wanted, CLOSE[torch.float32], single):
            raise Wrong(f"with float32 arguments {_difference([result], [wanted])}")
        _check_precision(result, single)
        if self.gradient:
            self._check_gradients(program, right, cases[0])
        return Answer(True, f"{program.name} agrees with the reference on {len(cases) + 1} inputs.")

    def _right_one(self, found, cases):
        """The reference, or what is as right, that gives the same results."""
        rights = (self.reference, *self.others)
        return next((each for each in rights if _agrees(each, found, cases)), None)

    def _mistake(self, found, cases) -> str | None:
        names = (name for name, wrong in self.mistakes.items() if _agrees(wrong, found, cases))
        return next(names, None)

    def _description(self, found: list[Tensor], cases: list[tuple]) -> str:
        wanted = [as_tensor(self.reference(*case)) for case in cases]
        for result, right, case in zip(found, wanted, cases, strict=True):
            if result.shape != right.shape:
                told = arguments_in_words(self.names, case)
                advice = f": {self.shapes}" if self.shapes else ""
                return (
                    f"for {told} it returns the shape {tuple(result.shape)} where "
                    f"{tuple(right.shape)} is wanted{advice}."
                )
            if right.is_floating_point() and result.dtype in COARSE | WHOLE:
                kind = (
                    "rounds to three digits at most" if result.dtype in COARSE else "has no shares"
                )
                return (
                    f"it returns {_dtype(result.dtype)}, which {kind}: keep the arguments' dtype."
                )
        return f"{_difference(found, wanted)}"

    def _check_gradients(self, program: Program, right, case: tuple) -> None:
        given = [_with_gradient(each) for each in case]
        try:
            result = program.limited(lambda: program.plain(*given))
        except Raised as error:
            raise Wrong(f"the numbers are right, but where gradients are kept {error}.") from None
        leaves = [each for each in given if isinstance(each, Tensor) and each.requires_grad]
        names = [n for n, g in zip(self.names, given, strict=True) if any(g is x for x in leaves)]
        if not isinstance(result, Tensor) or not result.requires_grad:
            raise Wrong(
                f"the numbers are right, but no gradient reaches {' and '.join(names)}: keep to "
                "torch's functions, without detach, item, NumPy or no_grad."
            )
        slopes = program.limited(lambda: _slopes(result, leaves))
        others = [_with_gradient(each) for each in case]
        inputs = [each for each in others if isinstance(each, Tensor) and each.requires_grad]
        wanted = _slopes(as_tensor(right(*others)), inputs)
        for name, slope, expected in zip(names, slopes, wanted, strict=True):
            if slope is None or not slope.any():
                raise Wrong(
                    f"the numbers are right, but no gradient reaches {name}: is it detached?"
                )
            if not _close(slope, expected, CLOSE[torch.float64], case):
                raise Wrong(
                    f"the numbers are right, but the gradient for {name} is not: is a part of it "
                    "detached, by math or NumPy?"
                )


def _agrees(function, found: list[Tensor], cases: list[tuple]) -> bool:
    try:
        wanted = [as_tensor(function(*case)) for case in cases]
    except (RuntimeError, IndexError, ValueError):
        return False  # a mistake that does not run for these sizes
    pairs = zip(found, wanted, cases, strict=True)
    return all(_close(one, two, CLOSE[torch.float64], case) for one, two, case in pairs)


def _close(one: Tensor, two: Tensor, tolerance: float, case: tuple) -> bool:
    """Whether two results are the same, to the digits that their types have."""
    if one.shape != two.shape:
        return False
    narrow = one.is_floating_point() and one.dtype != torch.float64
    of_floats = two.is_floating_point() and not any(isinstance(each, Tensor) for each in case)
    if narrow:
        tolerance = CLOSE[torch.float32]
    elif of_floats:  # torch.tensor(0.95) is a float32
        tolerance = max(tolerance, 1e-5)
    size = two[two.isfinite()].abs().max().item() if two.isfinite().any() else 1.0
    return torch.allclose(
        one.double(), two.double(), rtol=tolerance, atol=tolerance * min(size, 1.0), equal_nan=True
    )


def _check_precision(result: Tensor, case: tuple) -> None:
    given = [each.dtype for each in case if isinstance(each, Tensor) and each.is_floating_point()]
    if not given or result.ndim == 0:
        return
    if torch.promote_types(result.dtype, given[0]) != result.dtype:
        raise Wrong(
            f"the numbers are right, but it returns {_dtype(result.dtype)} for {_dtype(given[0])} "
            "arguments: keep their dtype."
        )


def _difference(found: list[Tensor], wanted: list[Tensor]) -> str:
    """What differs, with the shapes the same: a factor, a constant, or the worst entry."""
    got = torch.cat([each.double().flatten() for each in found])
    right = torch.cat([each.double().flatten() for each in wanted])
    if not got.isfinite().all() and right.isfinite().all():
        kind = "NaN" if got.isnan().any() else "infinite"
        return f"it gives numbers that are {kind} where finite ones are wanted."
    if (got == got[0]).all() and not (right == right[0]).all():
        return f"it gives {got[0]:.4g} everywhere, whatever its arguments are."
    ratio, shift = got / right, got - right
    one_ratio = ratio.isfinite().all() and (ratio - ratio[0]).abs().max() < 1e-6 * ratio[0].abs()
    if one_ratio and abs(ratio[0] - 1) > 1e-3:
        return _ratio_in_words(ratio[0].item())
    if (shift - shift[0]).abs().max() < 1e-4 * shift[0].abs():
        return f"it is off by the same number, {shift[0]:+.4g}, everywhere."
    if (shift.abs() < 1e-3 * right.abs()).all():
        return "it is right to a few digits only: something is rounded, or cut off."
    worst = int(shift.abs().argmax())
    return f"it gives, for one, {got[worst]:.4g} where {right[worst]:.4g} is wanted."


def _ratio_in_words(ratio: float) -> str:
    if math.isclose(ratio, -1, rel_tol=1e-6):
        return "its sign is turned: it is minus what is wanted."
    sign = ", with the sign turned" if ratio < 0 else ""
    size = abs(ratio)
    words = f"{size:.4g} times what is wanted"
    if size < 1 and math.isclose(1 / size, round(1 / size), rel_tol=1e-6):
        words = f"what is wanted divided by {round(1 / size)}"
    return f"it is {words} everywhere{sign}: a factor is wrong."


def _single(value):
    is_number = isinstance(value, Tensor) and value.is_floating_point()
    return value.float() if is_number else value


def _with_gradient(value):
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().clone().requires_grad_()
    return value


def _slopes(result: Tensor, leaves: list[Tensor]):
    """The gradients of a sum in which each entry of the result has another weight."""
    weights = torch.linspace(1, 2, result.numel(), dtype=result.dtype).view(result.shape)
    return torch.autograd.grad((weights * result).sum(), leaves, allow_unused=True)


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal draws in float64, the same for each check."""
    noise = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=noise, dtype=torch.float64)


def uniform(*shape: int, seed: int) -> Tensor:
    """Uniform draws between 0.05 and 0.95, in float64, the same for each check."""
    noise = torch.Generator().manual_seed(seed)
    return 0.05 + 0.9 * torch.rand(shape, generator=noise, dtype=torch.float64)
