"""Files that are there as a whole or not at all, and the folder for what can be made again."""

import contextlib
import glob
import os
import uuid
from pathlib import Path

import platformdirs

try:
    import fcntl
except ImportError:  # on Windows, where nobody can rename or remove a file that is open
    fcntl = None

CACHE_VARIABLE = "VAELIB_CACHE"


def cache_folder() -> Path:
    """A folder for what can be made again, as an absolute path.

    The environment variable VAELIB_CACHE moves it; `~` in it is the reader's home.

    Raises:
        RuntimeError: if the variable is not set and the reader has no home.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    try:
        folder = os.path.expanduser(chosen) if chosen else platformdirs.user_cache_dir("vaelib")
    except RuntimeError:  # older versions of platformdirs leave the ~ in, too
        folder = "~"
    if folder.startswith("~"):  # the system knows of no home
        raise RuntimeError(
            f"there is no home folder for the data cache ({CACHE_VARIABLE}={chosen or ''}): "
            f"set {CACHE_VARIABLE} to the path of a folder that can be written"
        )
    return Path(folder).absolute()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file aside and rename it, so that nobody ever sees a part of it.

    The content is on the disk before the name is, so a power cut leaves the old file or the new
    one, too. What a writer that was killed has left aside is removed by the next one.

    Raises:
        OSError: if it cannot be written; it names the file, and an older one is left as it was.
    """
    path = Path(path)
    try:
        _remove_leftovers(path)
        with _open_aside(path) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # some disks notice only here that they are full
                if fcntl is None:
                    file.close()
                os.replace(file.name, path)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(file.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or 0, reason, str(path)) from error  # of the errno's class


def _open_aside(path: Path):
    """A new file beside another, locked for as long as it is open."""
    while True:
        file = open(path.with_name(f".{path.name}.{uuid.uuid4().hex}"), "xb")  # noqa: SIM115
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(file.name):  # nobody took it for a leftover before it was locked
            return file
        file.close()


def _remove_leftovers(path: Path) -> None:
    """Remove what writers that were killed have left beside a file: what nobody holds open."""
    pattern = f".{glob.escape(path.name)}.{'[0-9a-f]' * 32}"
    for name in path.parent.glob(pattern):
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            if fcntl is not None:
                file = opened.enter_context(open(name, "r+b"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            name.unlink()
