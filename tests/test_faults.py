"""A writer that is killed, has no room, or is not alone: what it says, and that nothing is lost."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
import torch

import vaelib
from tests import processes
from tests.processes import Running, contents, run
from vaelib import data, resuming

pytestmark = pytest.mark.slow

LABELS = ("t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte")


def unpack(folder: Path) -> None:
    """Unpack an archive of two files, which stands beside the folder, to the data cache."""
    os.environ["VAELIB_CACHE"] = str(folder)
    unpack_to_cache(folder.parent)


def unpack_to_cache(shelf: Path) -> None:
    archive = shelf / "mnist.tar.xz"
    data.ARCHIVE, data.ARCHIVE_MD5 = archive, hashlib.md5(archive.read_bytes()).hexdigest()
    data.RAW_MD5 = {name: data.RAW_MD5[name] for name in LABELS}
    data.mnist_root()


def model(seed: int = 0):
    torch.manual_seed(seed)
    return vaelib.VAE(12, 7, 3)


def save(folder: Path) -> None:
    vaelib.save(model(), folder / "model.safetensors")


def save_often(folder: Path) -> None:
    for seed in range(30):
        vaelib.save(model(seed), folder / "model.safetensors")


def fit(folder: Path) -> list[float]:
    """Train for four epochs with a file to go on from, which is written after each."""
    resuming.SAVE_EVERY = 0
    one = model()
    images = torch.rand(40, 12, generator=torch.Generator().manual_seed(0))
    options = {"epochs": 4, "batch_size": 20, "progress": False, "device": "cpu"}
    vaelib.fit(one, images, checkpoint=folder / "run.pt", **options)
    return torch.cat([weight.flatten() for weight in one.parameters()]).tolist()


WRITERS = {unpack: "MNIST/raw/" + LABELS[0], save: "model.safetensors", fit: "run.pt"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two of MNIST's files, packed."""
    raw = data.mnist_root() / "MNIST" / "raw"
    path = tmp_path_factory.mktemp("archive") / "mnist.tar.xz"
    with tarfile.open(path, "w:xz") as packed:
        for name in LABELS:
            packed.add(raw / name, name)
    return path


@pytest.fixture
def folder(tmp_path, archive):
    """An empty folder with the archive beside it."""
    shutil.copy(archive, tmp_path)
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture(params=WRITERS, ids=lambda writer: writer.__name__)
def writer(request):
    """Each function that writes what a reader would miss, in turn."""
    return request.param


@pytest.mark.parametrize(
    ("before", "by"),
    [
        (processes.die_amid_a_file, signal.SIGXFSZ),
        (processes.die_before_the_rename, signal.SIGKILL),
    ],
)
def test_killed_it_leaves_the_old_file_and_the_next_one_cleans_up(folder, writer, before, by):
    done = run(writer, folder)
    assert (done.code, done.error) == (0, None)
    whole = contents(folder)
    (folder / WRITERS[writer]).unlink()
    if writer is save:
        vaelib.save(model(seed=1), folder / "model.safetensors")
    old = contents(folder)
    assert run(writer, folder, before=before).code == -by
    left = contents(folder)
    assert left.items() > old.items()
    assert {name.rpartition("/")[2][0] for name in left.keys() - old.keys()} == {"."}
    assert run(writer, folder) == done  # as if nothing had been, down to the weights
    assert contents(folder).keys() == whole.keys()
    if writer is not fit:  # a run's file also says how long it took
        assert contents(folder) == whole


def test_a_run_that_was_killed_between_two_files_ends_like_one_that_was_not(folder):
    expected = run(fit, folder).value
    (folder / "run.pt").unlink()
    assert run(fit, folder, before=_die_at_the_third_file).code == -signal.SIGKILL
    state = resuming._read(folder / "run.pt")
    assert len(state["train"]) == 2
    assert run(fit, folder).value == expected
    assert list(contents(folder)) == ["run.pt"]


def _die_at_the_third_file():
    original, calls = os.replace, []

    def replace(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments)

    os.replace = replace


SAID = {
    unpack: "OSError: cannot write the data cache {folder}/MNIST/raw ([Errno {why}: "
    "'{folder}/MNIST/raw/" + LABELS[0] + "'): set VAELIB_CACHE to a folder that can be written, "
    "with room for 55 MB",
    save: "OSError: [Errno {why}: '{folder}/model.safetensors'",
    fit: "OSError: [Errno {why}: '{folder}/run.pt'",
}


@pytest.mark.parametrize("disk", ["limit", "tmpfs"])
def test_without_room_it_says_so_and_leaves_the_old_file(folder, writer, disk):
    with tmpfs(folder) if disk == "tmpfs" else contextlib.nullcontext():
        assert run(writer, folder).error is None
        if writer is unpack:
            (folder / WRITERS[writer]).write_bytes(b"damaged")
        elif writer is fit:  # a run that is not at its end
            (folder / "run.pt").unlink()
            run(fit, folder, before=_die_at_the_third_file)
            for aside in folder.glob(".*"):
                aside.unlink()
        if disk == "tmpfs":
            fill(folder.joinpath("filler"))
        old = contents(folder)
        done = run(writer, folder, before=processes.limit_files if disk == "limit" else None)
        why = "28] No space left on device" if disk == "tmpfs" else "27] File too large"
        assert done.error == SAID[writer].format(why=why, folder=folder)
        assert contents(folder) == old


@contextlib.contextmanager
def tmpfs(folder: Path):
    """A small disk in memory in a folder's place, where the tests may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("to mount a small disk takes root, and a system that lets it")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass


def test_two_that_save_to_one_name_leave_a_whole_file(folder):
    both = [Running(save_often, folder) for _ in range(2)]
    assert [one.outcome().error for one in both] == [None, None]
    assert list(contents(folder)) == ["model.safetensors"]
    expected = model(seed=29).state_dict()
    loaded = vaelib.load(folder / "model.safetensors").state_dict()
    assert all(torch.equal(expected[name], loaded[name]) for name in expected)


@pytest.mark.parametrize("writer", [unpack, fit])
def test_two_at_once_do_as_one_alone(folder, writer):
    both = [Running(writer, folder) for _ in range(2)]
    outcomes = [one.outcome() for one in both]
    alone = run(writer, folder)
    assert outcomes == [alone, alone]
    assert alone.error is None
    assert len(contents(folder)) == (2 if writer is unpack else 1)


@pytest.fixture
def shelf(archive):
    """A folder that every user may enter and nobody may write to, with the archive in it."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        shutil.copy(archive, path)
        (path / "mnist.tar.xz").chmod(0o644)
        path.chmod(0o555)
        yield path
        path.chmod(0o755)


def test_no_home_is_said_and_where_to_turn(shelf):
    assert run(unpack_to_cache, shelf, before=processes.be_homeless).error == (
        "RuntimeError: there is no home folder for the data cache (VAELIB_CACHE=): "
        "set VAELIB_CACHE to the path of a folder that can be written"
    )


@pytest.mark.parametrize("home", ["", "nowhere"])
def test_a_home_that_cannot_be_written_is_named(shelf, monkeypatch, home):
    home = shelf / home
    error = run(unpack_in_home, shelf, home, before=processes.be_homeless).error
    assert error.startswith(f"PermissionError: cannot write the data cache {home}")
    assert error.endswith("set VAELIB_CACHE to a folder that can be written, with room for 55 MB")
    assert list(contents(shelf)) == ["mnist.tar.xz"]


def unpack_in_home(shelf: Path, home: Path) -> None:
    os.environ["HOME"] = str(home)
    unpack_to_cache(shelf)


def test_a_file_that_may_not_be_read_or_replaced_is_named(shelf):
    shelf.chmod(0o755)
    path = shelf / "model.safetensors"
    vaelib.save(model(), path)
    path.chmod(0)
    shelf.chmod(0o555)
    for function, argument in ((vaelib.load, path), (save, shelf)):
        error = run(function, argument, before=processes.be_nobody).error
        assert error.startswith("PermissionError: ")
        assert "model.safetensors" in error
    shelf.chmod(0o755)
    assert sorted(contents(shelf)) == ["mnist.tar.xz", "model.safetensors"]
