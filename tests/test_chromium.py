"""The browser of the tests is the one that takes the least time."""

from pathlib import Path

from tests.browser import chromium


def test_a_browser_without_windows_comes_first(tmp_path, monkeypatch):
    own = tmp_path / "chromium-1255" / "chrome-linux64" / "chrome"
    shell = tmp_path / "chromium_headless_shell-1255" / "chrome-headless-shell-linux64"
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert chromium.known(own)[:2] == ["/bin/chromium-headless-shell", "/bin/chromium"]
    shell.mkdir(parents=True)
    (shell / "chrome-headless-shell").touch()
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = [Path(path) for path in chromium.known(own) if path]
    assert found == [shell / "chrome-headless-shell", own]
