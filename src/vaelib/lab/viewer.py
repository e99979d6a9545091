"""Show a file in netron, on this machine only: no browser is opened and no other host is asked."""

import html
import http.server
import re
import socketserver
import threading
from pathlib import Path

from vaelib.checks import integer
from vaelib.export import imported
from vaelib.paths import expanded

HOST = "127.0.0.1"


def view(path, port: int = 8081) -> "View":
    """Show a file in netron, on this machine only, until it is stopped.

    Use it as a context manager, or keep what it returns and call its `stop`. No browser is opened:
    its `address` is for yours. It shows the file as it was when `view` was called.

    Args:
        path: an ONNX file, or anything else that netron reads.
        port: from 1 to 65535, or 0 for any that is free.

    Raises:
        ValueError: if the port is out of range, or the path is none.
        RuntimeError: if netron is not installed, or is built in a way that this does not know.
        OSError: if the file cannot be read, or the port is in use.

    Source:
        Lutz Roeder's netron, https://github.com/lutzroeder/netron
    """
    port = integer("port", port, 0, 65535)
    folder = Path(imported("netron").__file__).parent
    path = expanded(path)
    return View(folder, path.name, path.read_bytes(), port)


class View:
    """netron at work: made by `view`, with the `address` to open and a `stop`."""

    def __init__(self, folder: Path, name: str, content: bytes, port: int):
        data = "/data/model" + Path(name).suffix
        served = {"/": _start_page(folder, name, data), data: content}
        try:
            self._server = _Server((HOST, port), _handler(folder, served))
        except OSError as error:
            raise OSError(
                f"port {port} of {HOST} cannot be had ({error.strerror}): stop what uses it, or "
                "name another port, or 0 for any that is free"
            ) from error
        self.address = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port; to stop twice does no harm."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"netron at {self.address}" + ("" if self._thread.is_alive() else " (stopped)")


def _start_page(folder: Path, name: str, data: str) -> bytes:
    """netron's page, told which file to open.

    netron's own server is not used, since what it serves asks ipinfo.io for the reader's country,
    reports to Google Analytics, and refuses to show anything half a year after its release. A page
    of version 0.0.0 without a date does neither; `_handler` does the rest.
    """
    page = (folder / "index.html").read_text(encoding="utf-8")
    page, dates = re.subn(r'<meta name="date" content="[^"]*">', "", page)
    tags = {"type": "Python", "version": "0.0.0", "file": data, "name": name, "identifier": name}
    lines = [f'<meta name="{tag}" content="{html.escape(text)}">' for tag, text in tags.items()]
    version = r'<meta name="version" content="[^"]*">'
    page, versions = re.subn(version, lambda _: "\n".join(lines), page)
    if (dates, versions) != (1, 1):
        raise RuntimeError(
            "this release of netron has another start page: pip install netron==9.3.3"
        )
    return page.encode()


class _Server(socketserver.ThreadingTCPServer):
    """When it is closed, it waits for the answers under way; its port can be had again at once."""

    allow_reuse_address = True


def _handler(folder: Path, served: dict[str, bytes]) -> type:
    """What answers a request: with what is `served`, else with a file of netron's folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        timeout = 1  # second until a connection that a browser holds open is closed

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self):
            content = served.get(self.path.partition("?")[0])
            if content is None:
                super().do_GET()
                return
            kind = "text/html" if content is served["/"] else "application/octet-stream"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def end_headers(self):
            self.send_header("Cache-Control", "no-store")
            # Nothing is asked of another host; the cookie stands for "asked before".
            policy = "default-src 'self' 'unsafe-inline' data: blob:"
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Set-Cookie", "consent=none; SameSite=Lax; Max-Age=86400")
            super().end_headers()

        def log_message(self, *_):
            pass

    return Handler
