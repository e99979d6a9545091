"""`make notebooks`, `make book` and `make serve`: killed, crowded out, or without a port."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from book import build, execute, serve
from tests.pages import ROOT
from tests.processes import Running

PATIENCE = 120  # seconds, for a machine that does other work too


def start(*command, **options):
    """Start a program of the book's; what it prints is kept apart."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *map(str, command)], **streams, **options)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc to find processes in")
def test_notebooks_killed_leave_the_chapter_and_no_kernel(tmp_path):
    chapter, pid = tmp_path / "chapter" / "one.ipynb", tmp_path / "pid"
    begun = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(f'{{os.getpid()}}.')\n"
    cell = nbformat.v4.new_code_cell(begun + "import time\ntime.sleep(600)")
    chapter.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), chapter)
    before = chapter.read_bytes()
    running = Running(execute.main, [str(chapter)])
    wait_for(lambda: pid.exists() and pid.read_text().endswith("."))
    running.kill()
    assert running.outcome().code == -signal.SIGKILL
    assert list(chapter.parent.iterdir()) == [chapter]
    assert chapter.read_bytes() == before
    kernel = int(pid.read_text()[:-1])
    wait_for(lambda: not is_alive(kernel))


def python(text: str) -> list[str]:
    return [sys.executable, "-c", "import pathlib\n" + text]


def pages_read(root: Path) -> Path:
    """What Sphinx remembers of the pages, and by which it leaves out what it thinks is done."""
    folder = root / "_build" / ".doctrees"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "1 / 0"])
def test_after_a_build_that_did_not_end_well_all_pages_are_made_anew(tmp_path, end, capfd):
    folder = pages_read(tmp_path)
    assert build.build(tmp_path, python("")) == 0
    assert folder.exists()
    assert build.build(tmp_path, python(f"import os; {end}")) != 0
    assert ("ZeroDivisionError" in capfd.readouterr().err) == (end == "1 / 0")
    pages_read(tmp_path)
    finds = "raise SystemExit(pathlib.Path('_build/.doctrees').exists())"
    if end == "1 / 0":  # it is removed at once
        folder.rmdir()
    assert build.build(tmp_path, python(finds)) == 0


def test_a_build_whose_caller_is_killed_is_noticed_by_the_next_one(tmp_path):
    folder = pages_read(tmp_path)
    goes_on = "import time, pathlib\npathlib.Path('begun').touch()\ntime.sleep(60)"
    calls = f"build.build(pathlib.Path({str(tmp_path)!r}), [sys.executable, '-c', {goes_on!r}])"
    running = start(
        "-c", f"import pathlib, sys\nfrom book import build\n{calls}", cwd=ROOT, process_group=0
    )
    wait_for((tmp_path / "begun").exists)
    running.kill()  # and its command goes on
    running.wait()
    with pytest.raises(BlockingIOError):
        build.build(tmp_path, python(""))
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    wait_for(lambda: _has_ended(tmp_path))
    assert not folder.exists()


def _has_ended(root: Path) -> bool:
    try:
        return build.build(root, python("")) == 0
    except BlockingIOError:
        return False


def test_a_second_build_is_refused_in_a_sentence(monkeypatch):
    def busy(*_):
        raise BlockingIOError

    monkeypatch.setattr(build, "build", busy)
    with pytest.raises(SystemExit, match=r"^Another build of the book is under way: wait for its"):
        build.main()


def test_a_port_in_use_is_a_sentence_and_another_can_be_named():
    with socket.socket() as other:
        other.bind((serve.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as caught:
            serve.main(str(port))
    assert caught.value.code == (
        f"port {port} of 127.0.0.1 cannot be had (Address already in use): stop what uses it, "
        "or name another one: make serve PORT=8001"
    )


@pytest.mark.parametrize(
    ("port", "said"),
    [("eight", "wanted PORT as a number, got 'eight'"), ("65536", "port 65536 of 127.0.0.1 cann")],
)
def test_a_port_that_is_none_is_a_sentence(port, said):
    with pytest.raises(SystemExit, match=said):
        serve.main(port)


def test_it_serves_until_it_is_interrupted():
    running = start(ROOT / "book" / "serve.py", 0)
    assert running.stdout.readline().startswith("The book is at http://127.0.0.1:")
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=PATIENCE) == ("\n", "")
