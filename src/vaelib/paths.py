"""Paths as a reader writes them: with ~ for the home folder, as text or as a path object."""

import os
from pathlib import Path


def expanded(path) -> Path:
    """A path with ~ replaced by the home folder.

    Raises:
        ValueError: if it is no path, or names a home folder that there is not.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise ValueError(f"wanted a path as text or a path object, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"wanted a path in a home folder that exists, got {path}") from error


def file_to_write(path, what: str = "the path of a file") -> Path:
    """The same, of a file that can be made, from the root on: errors as `expanded`.

    A link is followed, so that the file that it names is written and not the link.

    Raises:
        ValueError: if it is a folder, or its folder is not there; the message says `what` it is.
    """
    file = expanded(path).absolute()  # for the working folder may change before it is written
    file = file.resolve() if file.is_symlink() else file
    if file.is_dir():
        raise ValueError(f"wanted {what} in a folder that exists, got the folder {path}")
    if not file.parent.is_dir():
        raise ValueError(
            f"wanted {what} in a folder that exists, got {path}: {file.parent} is none"
        )
    return file


def file_to_read(path, what: str = "a file") -> Path:
    """The same, of a file that is there: errors as `expanded`.

    Raises:
        ValueError: if it is a folder; the message says `what` was wanted.
        FileNotFoundError: if there is no such file.
    """
    file = expanded(path)
    if file.is_dir():
        raise ValueError(f"{path} is a folder, wanted {what}")
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}")
    return file
