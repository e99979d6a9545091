"""Functions called in processes of their own, which may be killed, run out of room, or be nobody.

The processes are forked from one that has imported vaelib and has done nothing else, so that each
takes no time to start.
"""

import multiprocessing
import os
import resource
import signal
from pathlib import Path
from typing import NamedTuple

PROCESSES = multiprocessing.get_context("forkserver")
# vaelib imports what it needs when it is needed: here once, before the processes are forked.
USED = [f"vaelib.{part}" for part in ("training", "checkpoints", "recipes", "plots", "widgets")]
PROCESSES.set_forkserver_preload([*USED, "tests.processes"])
NOBODY = 54321  # no user of this machine


class Outcome(NamedTuple):
    """How a process ended: its exit code, what the function returned, or the error's text."""

    code: int
    value: object
    error: str | None


class Running:
    """A function at work in a process of its own."""

    def __init__(self, function, *arguments, before=None):
        self._receiver, sender = PROCESSES.Pipe(duplex=False)
        work = (sender, function, arguments, before)
        self._process = PROCESSES.Process(target=_work, args=work)
        self._process.start()
        sender.close()

    def kill(self) -> None:
        """End it as the system would, at once."""
        self._process.kill()

    def outcome(self) -> Outcome:
        """Wait for its end."""
        try:
            value, error = self._receiver.recv()
        except EOFError:  # it was killed
            value = error = None
        self._process.join()
        self._receiver.close()
        return Outcome(self._process.exitcode, value, error)


def run(function, *arguments, before=None) -> Outcome:
    """Call a function in a process of its own, after one that prepares it, and wait for its end."""
    return Running(function, *arguments, before=before).outcome()


def _work(sender, function, arguments, before):
    try:
        if before is not None:
            before()
        sender.send((function(*arguments), None))
    except Exception as error:
        sender.send((None, f"{type(error).__name__}: {error}"))


def die_before_the_rename():
    """Let the process be killed when a new file is written, and not yet in its place."""

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    os.replace = die


def die_amid_a_file():
    """Let the system kill the process after it has written 500 bytes to a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    limit_files()


def limit_files():
    """Let no file grow beyond 500 bytes: more is an error of the system, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))


def be_nobody():
    """Run as a user without rights, whom root's tests need to be refused anything."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def be_homeless():
    """Run as a user whom the system does not know, without a home."""
    be_nobody()
    for name in ("HOME", "XDG_CACHE_HOME", "VAELIB_CACHE"):
        os.environ.pop(name, None)
    os.chdir("/")


def contents(folder) -> dict[str, bytes]:
    """Every file below a folder."""
    folder = Path(folder)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
