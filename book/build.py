"""Build the book from its pages: `make book`.

Sphinx takes a page that is newer than its source for done, also if a build was
killed while it wrote it. So a file says that a build is under way; if the next one
finds it, all pages are read and written anew. Two builds at once would write the
same pages, so the second is refused.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = [
    str(Path(sys.executable).with_name("jupyter-book")),
    *("build", ".", "-n", "-W", "--keep-going", "--quiet"),
]


def build(root: Path, command: list[str]) -> int:
    """Run the command that builds the book of a folder; what it returned.

    Raises:
        BlockingIOError: if another build is under way; nothing is touched.
    """
    target = root / "_build"
    target.mkdir(exist_ok=True)
    unfinished, pages_read = target / ".unfinished", target / ".doctrees"
    with open(target / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if unfinished.exists():
            shutil.rmtree(pages_read, ignore_errors=True)
        unfinished.touch()
        # The command holds the lock, too, in case only this process is killed.
        done = subprocess.run(
            command, cwd=root, pass_fds=[lock.fileno()], check=False
        )
        if done.returncode:  # a page with a warning is read again
            shutil.rmtree(pages_read, ignore_errors=True)
        if done.returncode >= 0:  # it was not killed
            unfinished.unlink()
    return done.returncode


def main() -> None:
    """Build the book and say where it is."""
    try:
        failed = build(ROOT, COMMAND)
    except BlockingIOError:
        sys.exit("Another build of the book is under way: wait for its end.")
    if failed:
        sys.exit(1)
    index = ROOT / "_build" / "html" / "index.html"
    print("The book is at", index.resolve().as_uri())


if __name__ == "__main__":
    main()
