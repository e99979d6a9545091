"""A reader's function is called in a thread of its own, with a limit of time.

A thread can be given an exception from outside on every system and inside of Jupyter, where signals
reach the main thread alone and Windows has no alarm. The exception comes between two steps of
Python, so it ends each loop that is written in Python. One call into C that lasts long, such as
`time.sleep` or a huge matrix product, it cannot end: the check answers in time, and the thread goes
on until that call returns. One that keeps Python's own lock meanwhile, such as the sum of an
endless iterator, stops the check too, as it would stop the reader's cell.
"""

import contextlib
import copy
import ctypes
import inspect
import random
import re
import sys
import threading
import time
import warnings

import numpy as np
import torch
from torch import Tensor

from vaelib.devices import plain_torch
from vaelib.exercises.answers import Wrong
from vaelib.exercises.results import numbers

SECONDS = 1.2  # for all calls of one check together
ROUNDS = 20  # of that time, while something is imported: torch does so at some first calls
SETTINGS = (  # what a program may change for the whole process: how it is read and written
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.get_num_threads, torch.set_num_threads),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (random.getstate, random.setstate),
)


@contextlib.contextmanager
def own_state():
    """Torch as after its import, with draws of its own; a reader's settings go on as they were."""
    before = [read() for read, _ in SETTINGS]
    draws = np.random.get_state()  # noqa: NPY002 - the generator that readers seed
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # what a program has to say is said when it is used
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(plain_torch(gradients=True))
        torch.manual_seed(0)
        try:
            yield
        finally:
            np.random.set_state(draws)  # noqa: NPY002
            for (read, write), value in zip(SETTINGS, before, strict=True):
                if read() != value:
                    write(value)


class _TimeIsUp(BaseException):
    """Ends a reader's loop; no `except Exception` there catches it."""


class Raised(Wrong):
    """A program is wrong, for it raised an error."""


class Program:
    """A reader's function, and the time that is left to it.

    Args:
        function: what the reader gave.
        names: of the arguments that it is called with.
    """

    def __init__(self, function, names: tuple[str, ...]):
        if not callable(function):
            raise Wrong(
                f"wanted a function of ({', '.join(names)}), got {_a(function)}: give the function "
                "itself, without calling it"
            )
        self._function, self._names = function, names
        self._by_name = _takes_names_alone(function, names)
        self._left = SECONDS

    @property
    def name(self) -> str:
        """What the reader calls it."""
        name = getattr(self._function, "__name__", None)
        return name if isinstance(name, str) and name.isidentifier() else "the function"

    def __call__(self, *arguments, read=numbers) -> Tensor:
        """What it gives for copies of the arguments, which it must leave as they are, as `read`."""
        given = [_copied(each) for each in arguments]
        result = self.given(*given, read=read)
        for name, before, after in zip(self._names, arguments, given, strict=True):
            if isinstance(before, Tensor) and not _same(before, after):
                raise Wrong(
                    f"it changes its argument {name} in place, which the caller still needs: leave "
                    "out the underscore or `+=` there"
                )
        return result

    def given(self, *arguments, read=numbers) -> Tensor:
        """What it gives for these very arguments, in time, as `read`."""
        try:
            return self.limited(lambda: read(self.plain(*arguments)))
        except Raised as error:
            told = arguments_in_words(self._names, arguments)
            raise Wrong(f"{error}, for {told}") from None

    def plain(self, *arguments):
        """The function's own result, without a limit."""
        if self._by_name:
            result = self._function(**dict(zip(self._names, arguments, strict=True)))
        else:
            result = self._function(*arguments)
        if inspect.iscoroutine(result):
            result.close()  # nobody is going to await it, which Python would say on some later line
        return result

    def limited(self, call):
        """What `call` gives, within the time that is left."""
        thread = _Call(call)
        thread.start()
        try:
            for _ in range(ROUNDS):
                start = time.monotonic()
                thread.join(max(self._left, 0.01))
                if not thread.is_importing():
                    break
        finally:
            ended = thread.stop()  # also where the reader interrupts the check
        if thread.outcome is None:
            loop = "is there a loop without an end?"
            if not ended:
                loop = "it goes on in the background, so restart the kernel if it stays busy."
            raise Wrong(f"it is not done after {SECONDS} seconds: {loop}")
        self._left -= time.monotonic() - start
        result, error = thread.outcome
        if error is not None:
            raise error
        return result


class _Call(threading.Thread):
    """A call in a thread of its own, which can be stopped.

    Attributes:
        outcome: what it gave, and what it is to be answered with otherwise; None until then.
    """

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call, self.outcome = call, None

    def run(self):
        with contextlib.suppress(_TimeIsUp), torch.enable_grad():
            try:
                self.outcome = self._call(), None
            except _TimeIsUp:
                raise
            except Wrong as wrong:
                self.outcome = None, wrong
            except BaseException as error:  # whatever a reader's program raises
                words = f"it raises {type(error).__name__}{_first_line(error)}"
                self.outcome = None, Raised(words)

    def is_importing(self) -> bool:
        """Whether some module is being loaded in it."""
        frame = sys._current_frames().get(self.ident) if self.is_alive() else None
        while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        return frame is not None

    def stop(self) -> bool:
        """End it between two of its steps; a program may catch what ends it, but not forever."""
        for _ in range(20):
            if not self.is_alive() or self.outcome is not None:
                return True
            identity, time_is_up = ctypes.c_ulong(self.ident), ctypes.py_object(_TimeIsUp)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, time_is_up)
            self.join(0.01)
        return not self.is_alive()


def _takes_names_alone(function, names: tuple[str, ...]) -> bool:
    """Whether the arguments have to be named; they are given by position if they can be."""
    try:
        signature = inspect.signature(function)
    except Exception:  # a function written in C, or an object that answers in its own way
        return False
    for by_name in (False, True):
        try:
            signature.bind(**dict.fromkeys(names)) if by_name else signature.bind(*names)
        except TypeError:
            continue
        return by_name
    raise Wrong(f"wanted a function of ({', '.join(names)}), got one of {_in_words(signature)}")


class _Default:
    """Stands for a default value, whose own text may be long."""

    def __repr__(self):
        return "..."


def _in_words(signature: inspect.Signature) -> str:
    parameters = [
        each.replace(
            annotation=each.empty, default=each.empty if each.default is each.empty else _Default()
        )
        for each in signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))


def arguments_in_words(names: tuple[str, ...], case: tuple) -> str:
    """What a function was asked with: shapes of tensors, and other arguments as they are."""
    told = (
        f"{name} of shape {tuple(each.shape)}" if isinstance(each, Tensor) else f"{name} = {each}"
        for name, each in zip(names, case, strict=True)
        if not callable(each)
    )
    return ", ".join(told)


def _copied(value):
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def _same(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and one.dtype == two.dtype and torch.equal(one, two)


def _a(value) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def _first_line(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error of the reader's own that cannot tell what it is
        return ""
    return f": {re.sub(' at 0x[0-9a-f]+', '', lines[0])[:200]}" if lines else ""
