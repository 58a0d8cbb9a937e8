"""Start the dashboard on a port of this machine, or say that the port is taken."""

from __future__ import annotations

import argparse
import os
import socket
import sys


def taken(port: int) -> bool:
    """Whether a server answers there. Asked by connecting: a port just left can't be bound for a minute."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    if not 1 <= port <= 65535:
        parser.error(f"a port is a number from 1 to 65535, not {port}")
    if taken(port):
        free = next(other for other in range(port + 1, port + 100) if not taken(other))
        sys.exit(f"Port {port} is taken by another program. Choose another one: PORT={free} make run")
    arguments = ["-m", "streamlit", "run", "dashboard.py", f"--server.port={port}"]
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main()
