"""What is written down of every training of shipped weights: how, where and how well."""

import json
from pathlib import Path

from vaelib.checkpoints import FOLDER
from vaelib.files import write_atomically
from vaelib.paths import expanded

PROVENANCE = FOLDER / "provenance.json"
KEYS = {"name", "recipe", "seed", "date", "machine", "seconds", "result"}  # of an entry


def append_provenance(entry: dict, path=None) -> None:
    """Add to the list in the file what was made, how, where and how well.

    Raises:
        ValueError: if the file is there and is no JSON list; it is left as it is.
    """
    path = expanded(path or PROVENANCE)
    entries = _entries(path) if path.exists() else []
    text = json.dumps([*entries, entry], indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def read_provenance(path=None, names: list[str] = ()) -> list[dict]:
    """All entries, oldest first.

    Args:
        path: of the file; None is the one in the package.
        names: of recipes, for the message if there is no file.

    Raises:
        ValueError: if the file is not there, or is no JSON list of whole entries.
    """
    path = expanded(path or PROVENANCE)
    if not path.exists():
        raise ValueError(
            f"wanted {path.name}, which `python -m vaelib.recipes` followed by the names of "
            f"recipes writes ({', '.join(names)}); there is none"
        )
    entries = _entries(path)
    for entry in entries:
        missing = KEYS - entry.keys() if isinstance(entry, dict) else KEYS
        if missing:
            raise ValueError(f"{path.name} is damaged: an entry lacks {', '.join(sorted(missing))}")
    return entries


def _entries(path: Path) -> list:
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path.name} is damaged ({error}): restore or delete it") from error
    if not isinstance(entries, list):
        raise ValueError(f"wanted a JSON list in {path.name}, got a {type(entries).__name__}")
    return entries
