"""Open the plain copies of the chapters in JupyterLab: `make lab`.

The book's build writes the copies to `_build/html/notebooks`. Here they are laid
into `lab/`, which git ignores, so that running and changing them changes nothing
that belongs to the book. What a reader has changed there is never overwritten: the
new copy is laid beside it.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
COPIES = ROOT / "_build" / "html" / "notebooks"
TARGET = ROOT / "lab"
WRITTEN = ".written.json"  # a digest of each copy as it was laid there
VIEW = "application/vnd.jupyter.widget-view+json"


def content(path: Path) -> str:
    """A digest of what a reader would miss: text, code, pictures, printed lines.

    Opening a notebook changes its metadata and running it counts its cells. Neither
    is anyone's work.
    """
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (
        ValueError,
        AttributeError,
        KeyError,
    ):  # not a notebook: every byte counts
        return hashlib.sha256(path.read_bytes()).hexdigest()
    parts = [
        [cell.cell_type, cell.source, *map(shown, cell.get("outputs", []))]
        for cell in cells
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def shown(output) -> dict:
    """What a reader sees of an output."""
    data = output.get("data", {})
    seen = {mime: value for mime, value in data.items() if mime != VIEW}
    return seen or {key: output.get(key) for key in ("text", "ename", "evalue")}


def renew(copies: Path, target: Path) -> list[str]:
    """Bring a folder's copies up to date; say in sentences what was not replaced.

    Raises:
        ValueError: if there are no copies.
    """
    found = sorted(copies.glob("*.ipynb"))
    if not found:
        raise ValueError(f"wanted notebooks in {copies}, found none: run make book")
    target.mkdir(parents=True, exist_ok=True)
    written = known(target / WRITTEN)
    remarks = [lay(path, target, written) for path in found]
    text = json.dumps(written, indent=1, sort_keys=True)
    replace(target / WRITTEN, text.encode())
    return [remark for remark in remarks if remark]


def lay(path: Path, target: Path, written: dict) -> str | None:
    """Lay a copy into a folder, or beside what a reader has made of an old one."""
    mine, beside = target / path.name, target / f"{path.stem}.new.ipynb"
    new, last = content(path), written.get(path.name)
    if not mine.exists() or content(mine) == last != new:
        replace(mine, path.read_bytes())
    if content(mine) == new:
        written[path.name] = new
    elif last != new:
        if changed(beside, {written.get(beside.name), new}):
            return (
                f"{mine} and {beside} hold your changes: the book has newer ones."
            )
        replace(beside, path.read_bytes())
        written[beside.name] = new
        return f"{mine} holds your changes: the book's new one is {beside.name}."
    return None


def changed(path: Path, digests: set) -> bool:
    """Whether a file is there and holds something else than the book wrote."""
    return path.exists() and content(path) not in digests


def known(path: Path) -> dict:
    """The digests of the copies that were laid; none if they cannot be read."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that it is never half written."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    aside.write_bytes(data)
    os.replace(aside, path)


def command(target: Path, options: list[str]) -> list[str]:
    """How JupyterLab is started on a folder of copies."""
    config = Path(__file__).with_name("copies_config.py")
    lab = [sys.executable, "-m", "jupyterlab", f"--config={config}"]
    return [*lab, *options, str(target)]


def main(options: list[str]) -> None:
    """Renew the copies and become JupyterLab, with any options of its own."""
    try:
        remarks = renew(COPIES, TARGET)
    except ValueError as error:
        sys.exit(str(error))
    print(*remarks, f"The plain copies are in {TARGET}", sep="\n", flush=True)
    os.execv(sys.executable, command(TARGET, options))


if __name__ == "__main__":
    main(sys.argv[1:])
