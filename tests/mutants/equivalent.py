"""The mutants that no test can notice, and why: `equivalent.toml`, read."""

import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("equivalent.toml")


def reasons() -> dict[str, str]:
    """The reason for each mutant, by its name."""
    found = {}
    for place, entries in tomllib.loads(FILE.read_text()).items():
        for entry in entries:
            found |= {f"{place}: {change}": entry["reason"] for change in entry["changes"]}
    return found
