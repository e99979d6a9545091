"""Files are whole or not there, writers leave nothing behind, and the cache is where it belongs."""

import errno
import os
from pathlib import Path

import pytest

from vaelib import files


@pytest.fixture
def path(tmp_path):
    """A file that is there already, in a folder of its own whose name is awkward."""
    path = tmp_path / "a [b] c" / "model *.1"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def leftover(path, digits="0123456789abcdef" * 2):
    aside = path.with_name(f".{path.name}.{digits}")
    aside.write_bytes(b"ol")
    return aside


def names(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_it_is_written_and_nothing_else_is_there(path):
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path) == [path.name]


def test_the_content_is_on_the_disk_before_the_name(path, monkeypatch):
    calls, original = [], {name: getattr(os, name) for name in ("fsync", "replace")}
    for name in original:

        def noted(*arguments, name=name):
            calls.append(name)
            return original[name](*arguments)

        monkeypatch.setattr(os, name, noted)
    files.write_atomically(path, b"new")
    assert calls == ["fsync", "replace"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES])
def test_a_failure_names_the_file_and_leaves_the_old_one(path, monkeypatch, failing, code):
    def fail(*_):
        raise OSError(code, os.strerror(code), "some other name")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="Errno") as caught:
        files.write_atomically(path, b"new")
    assert str(caught.value) == f"[Errno {code}] {os.strerror(code)}: {str(path)!r}"
    assert type(caught.value) is type(OSError(code, ""))
    assert (path.read_bytes(), names(path)) == (b"old", [path.name])


def test_a_folder_that_is_not_there_and_a_folder_in_the_way_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"directory: '.*nowhere/model'$"):
        files.write_atomically(tmp_path / "nowhere" / "model", b"new")
    with pytest.raises(OSError, match=rf": '{tmp_path}'$"):
        files.write_atomically(tmp_path, b"new")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_by_the_next_one(path):
    leftover(path)
    others = [path.with_name(".model *.1.bak"), leftover(path.with_name("model 2.1"))]
    others[0].write_bytes(b"a reader's own")
    files.write_atomically(path, b"new")
    assert names(path) == sorted([path.name, *(other.name for other in others)])


def test_what_another_writer_is_writing_is_left_to_it(path):
    with files._open_aside(path) as aside:
        files.write_atomically(path, b"new")
        aside.write(b"newer")
        aside.flush()
        os.replace(aside.name, path)
    assert (path.read_bytes(), names(path)) == (b"newer", [path.name])


def test_a_file_taken_for_a_leftover_before_it_was_locked_is_made_again(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    original, calls = fcntl.flock, []

    def flock(file, kind):
        if not calls:
            os.unlink(file.name)
        calls.append(original(file, kind))

    monkeypatch.setattr(fcntl, "flock", flock)
    files.write_atomically(path, b"new")
    assert (path.read_bytes(), len(calls)) == (b"new", 2)


def test_a_file_system_without_locks_will_do(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    aside = leftover(path)
    files.write_atomically(path, b"new")
    assert (path.read_bytes(), names(path)) == (b"new", sorted([path.name, aside.name]))


def test_the_variable_moves_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for chosen, folder in {
        "a folder": tmp_path / "a folder",  # relative, and it holds where the program goes next
        str(tmp_path / "b"): tmp_path / "b",
        "~": tmp_path / "home",
        "~/my data": tmp_path / "home" / "my data",
        "./~": tmp_path / "~",
    }.items():
        monkeypatch.setenv(files.CACHE_VARIABLE, chosen)
        assert files.cache_folder() == folder


def test_without_the_variable_the_cache_is_in_the_readers_home(tmp_path, monkeypatch):
    for variable in ("XDG_CACHE_HOME", files.CACHE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in files.cache_folder().parents
    monkeypatch.setenv(files.CACHE_VARIABLE, "")
    assert tmp_path in files.cache_folder().parents


@pytest.mark.parametrize("chosen", [None, "~/data", "~nobody-of-this-name/data"])
def test_no_home_is_an_error_that_names_the_variable(tmp_path, monkeypatch, chosen):
    pwd = pytest.importorskip("pwd")
    for variable in ("XDG_CACHE_HOME", "HOME", files.CACHE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)

    def nobody(_):
        raise KeyError("no such entry")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    if chosen:
        monkeypatch.setenv(files.CACHE_VARIABLE, chosen)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"^there is no home .*: set VAELIB_CACHE to the"):
        files.cache_folder()
    assert list(Path().iterdir()) == []
