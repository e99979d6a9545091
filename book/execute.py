"""Run chapters from the top and store their outputs: `make notebooks`.

What is stored is the same on every run: cells counted 1..n, no times, no progress
bars, no notebook metadata but the kernel's name. A figure's alt text is copied to
the cell's metadata, where MyST-NB looks for it. A chapter that fails, or writes to
stderr, is left as it was.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from vaelib.drawings import WANTED
from vaelib.files import write_atomically

BOOK = Path(__file__).parent
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def execute(path: Path) -> None:
    """Run one notebook and replace it with its normalised self."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(BOOK)}},
    )
    client.execute()
    normalise(notebook)
    errors = [
        o.text
        for cell in code_cells(notebook)
        for o in cell.outputs
        if is_stderr(o)
    ]
    if errors:
        sys.exit(
            f"{path} wrote to stderr, so it was not stored:\n{''.join(errors)}"
        )
    nbformat.validate(notebook)
    write_atomically(path, (nbformat.writes(notebook) + "\n").encode())


def normalise(notebook) -> None:
    """Keep what a reader sees and what is compared, drop the rest."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    for cell in code_cells(notebook):
        for output in cell.outputs:
            # A widget leaves its picture and state: its view needs the kernel.
            output.get("data", {}).pop(
                "application/vnd.jupyter.widget-view+json", None
            )
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt:
                options = cell.metadata.setdefault("mystnb", {}).setdefault(
                    "image", {}
                )
                options["alt"] = alt


def code_cells(notebook) -> list:
    """The notebook's code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_stderr(output) -> bool:
    """Whether an output was written to the error stream."""
    return output.output_type == "stream" and output.name == "stderr"


def main(names: list[str]) -> None:
    """Execute the named chapters, or all of them."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ[WANTED] = "1"
    for path in [Path(name) for name in names] or sorted(BOOK.glob("*.ipynb")):
        print(path.name, flush=True)
        execute(path)


if __name__ == "__main__":
    main(sys.argv[1:])
