"""Processes of their own for tests: forks of one that has imported torch, and pytest in them."""

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import warnings
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.pages import ROOT

FOLDER = ROOT / "_build" / "mutants"
PRELOADED = (
    *("numpy", "torch", "torch._dynamo", "torchvision.datasets.mnist", "matplotlib.pyplot"),
    *("mpmath", "safetensors.torch", "tqdm.auto"),
)
OPTIONS = ["-q", "-s", "-p", "no:cacheprovider", "-m", "not slow"]
UNPACKED = FOLDER / "unpacked"  # MNIST; each job works on links to it, which a mutant may spoil
MEMORY = 6 * 2**30  # bytes that a process may take beyond what it begins with


class Job:
    """Where one of the processes that work side by side keeps its files.

    Attributes:
        number: of the process, which its forks inherit.
    """

    number = 0

    @classmethod
    def cache(cls) -> Path:
        return FOLDER / f"cache {cls.number}"

    @classmethod
    def options(cls) -> list[str]:
        """What pytest is told."""
        return [*OPTIONS, f"--basetemp={FOLDER / f'tmp {cls.number}'}"]

    @classmethod
    def take(cls, number: int) -> None:
        """Be the job of this number from now on."""
        cls.number = number
        os.environ["VAELIB_CACHE"] = str(cls.cache())


def prepare() -> None:
    """Import what all processes need, and let them draw and cache where they harm nobody."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ |= {"TQDM_DISABLE": "1", "MPLBACKEND": "agg"}
    Job.take(0)
    os.chdir(ROOT)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if not UNPACKED.exists():
        forked(_unpack, 100)


def _unpack() -> None:
    importlib.import_module("vaelib.data").mnist_root()
    Job.cache().rename(UNPACKED)


def fresh_cache() -> None:
    """A cache with the right files in it; they are replaced by what is written, never changed."""
    shutil.rmtree(Job.cache(), ignore_errors=True)
    if UNPACKED.exists():
        shutil.copytree(UNPACKED, Job.cache(), copy_function=os.link)


def forked(work, seconds: float):
    """What `work` gives, as JSON holds it, in a process of its own; in words why it died, if so.

    It is stopped after so many seconds of processor time. What it prints is not seen.
    """
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, of threads
        process = os.fork()
    if process == 0:
        answer = None
        try:
            os.close(read)
            _confine(int(seconds) + 1)
            fresh_cache()
            answer = work()
        except BaseException as error:  # whatever it is, it comes from the mutant
            answer = f"{type(error).__name__}: {error}"
        finally:
            with os.fdopen(write, "w") as pipe:
                json.dump(answer, pipe)
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    status = os.waitpid(process, 0)[1]
    return json.loads(text) if text else signal.Signals(os.WTERMSIG(status)).name


def _confine(seconds: int) -> None:
    """Limit what this process may print, take and last."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    signal.alarm(20 * seconds)
    taken = Path("/proc/self/statm")
    if taken.exists():
        pages = int(taken.read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def files_of(names) -> list[str]:
    """The files of tests with these names, for pytest."""
    return [f"tests/test_{name}.py" for name in names]


class Session:
    """A plugin of pytest that collects files and then does what it is told with their tests.

    Attributes:
        answer: what `loop` gave, which is called with the session and the tests by their names; or
            that they could not be collected.
    """

    def __init__(self, names, loop):
        self.loop, self.failed, self.answer = loop, [], "the tests cannot be collected"
        pytest.main([*Job.options(), *files_of(names)], plugins=[self])

    def pytest_runtestloop(self, session) -> bool:
        if not session.testsfailed:
            self.answer = self.loop(self, {item.nodeid: item for item in session.items})
        return True

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def first_failure(self, items) -> str | None:
        """Run tests until one fails, which is told."""
        for item, following in zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return self.failed[0]
        return None
