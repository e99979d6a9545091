"""Serve the built book on this machine only: `make serve`, or with PORT=8001."""

import functools
import http.server
import re
import sys
from pathlib import Path

HOST = "127.0.0.1"
HTML = Path(__file__).parent.parent / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files below a folder and, where nothing is, the book's page that says so."""

    def send_error(self, code, message=None, explain=None):
        """Send `404.html`, whose links begin at the root here, with its status."""
        page = Path(self.directory) / "404.html"
        if code != http.HTTPStatus.NOT_FOUND or not page.is_file():
            super().send_error(code, message, explain)
            return
        text = page.read_text(encoding="utf-8")
        body = re.sub(r'<base href="[^"]*">', '<base href="/">', text).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main(port: str = "8000") -> None:
    """Serve until Ctrl-C, or say in one sentence why that cannot be."""
    handler = functools.partial(Handler, directory=str(HTML))
    try:
        server = http.server.ThreadingHTTPServer((HOST, int(port)), handler)
    except ValueError:
        sys.exit(f"wanted PORT as a number, got {port!r}")
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(
            f"port {port} of {HOST} cannot be had ({reason}): stop what uses it, "
            "or name another one: make serve PORT=8001"
        )
    try:
        print(
            f"The book is at http://{HOST}:{server.server_port}/ (Ctrl-C stops)",
            flush=True,
        )
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()


if __name__ == "__main__":
    main(*sys.argv[1:])
