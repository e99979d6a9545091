"""A reader's function is called in a thread of its own, with a limit of time.

A thread can be given an exception from outside on every system and inside of Jupyter, where signals
reach the main thread alone and Windows has no alarm. The exception comes between two steps of
Python, so it ends each loop that is written in Python. One call into C that lasts long, such as
`time.sleep` or a huge matrix product, it cannot end: the check answers in time, and the thread goes
on until that call returns.
"""

import contextlib
import copy
import ctypes
import inspect
import threading
import time

import torch
from torch import Tensor

from vaelib.exercises.answers import Wrong

SECONDS = 1.2  # for all calls of one check together


@contextlib.contextmanager
def own_state():
    """Torch with gradients and with draws of its own; the reader's go on as they were."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        yield


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
        name = getattr(self._function, "__name__", "")
        return name if name.isidentifier() else "the function"

    def __call__(self, *arguments):
        """What the function gives for copies of the arguments, which it must leave as they are."""
        given = [_copied(each) for each in arguments]
        try:
            result = self.limited(lambda: self.plain(*given))
        except Raised as error:
            told = arguments_in_words(self._names, arguments)
            raise Wrong(f"{error}, for {told}") from None
        for name, before, after in zip(self._names, arguments, given, strict=True):
            if isinstance(before, Tensor) and not _same(before, after):
                raise Wrong(
                    f"it changes its argument {name} in place, which the caller still needs: leave "
                    "out the underscore or `+=` there"
                )
        return result

    def plain(self, *arguments):
        """The function's own result, without a limit."""
        if self._by_name:
            return self._function(**dict(zip(self._names, arguments, strict=True)))
        return self._function(*arguments)

    def limited(self, call):
        """What `call` gives, within the time that is left."""
        found = {}

        def work():
            try:
                with torch.enable_grad():
                    found["result"] = call()
            except _TimeIsUp:
                pass
            except BaseException as error:  # whatever a reader's program raises
                found["error"] = error

        start = time.monotonic()
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(max(self._left, 0.01))
        if thread.is_alive():
            _stop(thread)
            raise Wrong(f"it is not done after {SECONDS} seconds: is there a loop without an end?")
        self._left -= time.monotonic() - start
        if isinstance(error := found.get("error"), Wrong):
            raise error
        if error is not None:
            raise Raised(f"it raises {type(error).__name__}{_first_line(error)}")
        return found.get("result")


def _stop(thread: threading.Thread) -> None:
    identity = ctypes.c_ulong(thread.ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(_TimeIsUp))
    thread.join(0.2)


def _takes_names_alone(function, names: tuple[str, ...]) -> bool:
    """Whether the arguments have to be named; they are given by position if they can be."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False  # a function written in C
    for by_name in (False, True):
        try:
            signature.bind(**dict.fromkeys(names)) if by_name else signature.bind(*names)
        except TypeError:
            continue
        return by_name
    raise Wrong(f"wanted a function of ({', '.join(names)}), got one of {signature}")


def arguments_in_words(names: tuple[str, ...], case: tuple) -> str:
    """What a function was asked with: shapes of tensors, and other arguments as they are."""
    told = (
        f"{name} of shape {tuple(each.shape)}" if isinstance(each, Tensor) else f"{name} = {each}"
        for name, each in zip(names, case, strict=True)
    )
    return ", ".join(told)


def _copied(value):
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def _same(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and torch.equal(one, two)


def _a(value) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f": {lines[0][:200]}" if lines else ""
