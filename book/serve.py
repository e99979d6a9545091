"""Serve the built book on this machine only: `make serve`, or with PORT=8001."""

import functools
import http.server
import sys
from pathlib import Path

HOST = "127.0.0.1"
HTML = Path(__file__).parent.parent / "_build" / "html"


def main(port: str = "8000") -> None:
    """Serve until Ctrl-C, or say in one sentence why that cannot be."""
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=str(HTML)
    )
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
