"""The PostgreSQL that the tests start: where its programs are, and (as a command) fetching it."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts import packages

HOW = "install Debian's package postgresql, or put the folder of PostgreSQL's initdb on the PATH"
_DEBIANS = Path("/usr/lib/postgresql")


def find() -> Path | None:
    """The folder of initdb and pg_ctl: from the PATH, else the newest of Debian's, which aren't on it."""
    on_path = shutil.which("initdb")
    debians = sorted(_DEBIANS.glob("[0-9]*/bin/initdb"), key=lambda found: int(found.parts[-3]))
    found = Path(on_path).resolve() if on_path else debians[-1] if debians else None
    return found.parent if found else None


def main() -> None:
    if find() is None and (command := packages.apt_get()):
        packages.install(command, ["postgresql"], "the tests of the store")
    print("PostgreSQL for the tests:", find() or f"none; they are skipped ({HOW})")


if __name__ == "__main__":
    main()
