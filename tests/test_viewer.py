"""netron on this machine: what it serves, what it asks for, and that it leaves nothing behind."""

import socket
import sys
import threading
import urllib.error
import urllib.request
import webbrowser

import pytest

from vaelib import viewer


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'a "graph" & more.onnx'
    path.write_bytes(b"what netron shall show")
    return path


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch):
    def opened(*_, **__):
        raise AssertionError("a browser was opened")

    monkeypatch.setattr(webbrowser, "open", opened)


def get(address):
    with urllib.request.urlopen(address) as response:
        return response.headers, response.read()


def free_port():
    with socket.socket() as probe:
        probe.bind((viewer.HOST, 0))
        return probe.getsockname()[1]


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex((viewer.HOST, port)) != 0


def test_it_serves_the_file_and_netron(path):
    with viewer.view(path, 0) as shown:
        _, page = get(shown.address)
        assert b'<meta name="file" content="/data/model.onnx">' in page
        assert b"a &quot;graph&quot; &amp; more.onnx" in page
        assert get(shown.address + "/data/model.onnx")[1] == path.read_bytes()
        assert b"class" in get(shown.address + "/view.js")[1]


def test_the_page_may_ask_no_other_host(path):
    with viewer.view(path, 0) as shown:
        headers, page = get(shown.address)
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert b'name="date"' not in page
    assert page.count(b'name="version"') == 1
    assert b'<meta name="version" content="0.0.0">' in page


def test_it_listens_on_this_machine_only(path):
    with viewer.view(path, 0) as shown:
        assert shown.address.startswith("http://127.0.0.1:")


def test_nothing_is_left_of_it(path):
    before = threading.enumerate()
    port = free_port()
    for _ in range(2):  # the port can be had again at once
        with viewer.view(path, port) as shown:
            get(shown.address)
            assert not is_free(port)
        assert is_free(port)
    assert threading.enumerate() == before
    assert repr(shown) == f"netron at http://127.0.0.1:{port} (stopped)"


def test_it_stops_after_an_error_inside(path):
    port = free_port()
    with pytest.raises(KeyError), viewer.view(path, port):
        raise KeyError
    assert is_free(port)


def test_started_and_stopped_by_hand_twice(path):
    shown = viewer.view(path, 0)
    assert repr(shown) == f"netron at {shown.address}"
    shown.stop()
    shown.stop()
    with pytest.raises(urllib.error.URLError):
        get(shown.address)


def test_it_stops_while_a_browser_holds_a_connection(path):
    with viewer.view(path, 0) as shown:
        held = socket.create_connection((viewer.HOST, int(shown.address.rpartition(":")[2])))
    held.close()
    assert not [thread for thread in threading.enumerate() if "request" in thread.name]


def test_two_files_at_a_time(path, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another")
    with viewer.view(path, 0) as first, viewer.view(other, 0) as second:
        assert get(first.address + "/data/model.onnx")[1] == path.read_bytes()
        assert get(second.address + "/data/model.onnx")[1] == b"another"


def test_it_shows_the_file_as_it_was(path):
    with viewer.view(path, 0) as shown:
        path.unlink()
        assert get(shown.address + "/data/model.onnx")[1] == b"what netron shall show"


def test_no_other_file_is_served(path):
    with viewer.view(path, 0) as shown:
        for name in ("/data/other.onnx", "/../pyproject.toml", "/%2e%2e/vaelib/graphs.py"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(shown.address + name)


def test_a_port_in_use_is_one_clear_sentence(path):
    with socket.socket() as other:
        other.bind((viewer.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            OSError, match=f"^port {port} of 127.0.0.1 cannot be had .*name another"
        ):
            viewer.view(path, port)


def test_a_second_view_of_one_port_does_not_stop_the_first(path):
    with viewer.view(path, 0) as shown:
        port = int(shown.address.rpartition(":")[2])
        with pytest.raises(OSError, match="cannot be had"):
            viewer.view(path, port)
        get(shown.address)


@pytest.mark.parametrize("port", [-1, 65536, "8081", 80.5, True, None])
def test_a_port_out_of_range_is_an_error(path, port):
    with pytest.raises(ValueError, match="wanted port as an integer from 0 to 65535"):
        viewer.view(path, port)


def test_a_file_that_cannot_be_read_is_an_error_before_anything_starts(tmp_path):
    before = threading.enumerate()
    with pytest.raises(FileNotFoundError):
        viewer.view(tmp_path / "missing.onnx", 0)
    assert threading.enumerate() == before


def test_a_missing_netron_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "netron", None)
    with pytest.raises(RuntimeError, match=r"^netron is not installed: pip install netron$"):
        viewer.view(path, 0)


def test_another_start_page_is_an_error(path, tmp_path, monkeypatch):
    folder = tmp_path / "netron"
    folder.mkdir()
    (folder / "index.html").write_text("<html></html>")
    module = type(sys)("netron")
    module.__file__ = str(folder / "__init__.py")
    monkeypatch.setitem(sys.modules, "netron", module)
    with pytest.raises(RuntimeError, match="another start page"):
        viewer.view(path, 0)
