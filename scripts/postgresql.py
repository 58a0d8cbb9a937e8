"""PostgreSQL for tests and benchmarks: where its programs are, a server, and (as a command) fetching it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
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


class Server:
    """A server of its own in a folder of its own, reached by a socket there: no port, no password."""

    def __init__(self, bin_folder: Path, settings: Sequence[str] = ()) -> None:
        """Make a cluster and start it. `settings`: for its command line, NAME=VALUE."""
        self._bin, self._settings = bin_folder, settings
        self._user = _somebody_else() if os.geteuid() == 0 else None  # as root it refuses to run
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_open_folder() if self._user else None))
        self._data = self._folder / "data"
        if self._user:
            shutil.chown(self._folder, self._user)
        try:
            # an encoding and case rules of its own, whatever those of the machine
            self._run("initdb", "-A", "trust", "-U", "crossover", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def start(self) -> None:
        options = [f"-c {setting}" for setting in (*self._settings, "listen_addresses=")]
        log = self._folder / "log"
        self._run("pg_ctl", "start", "-w", "-l", str(log), "-o", f"-k {self._folder} {' '.join(options)}")

    def stop(self, how: str = "fast") -> None:
        """`how`: fast, or immediate, which is as good as pulling the plug."""
        self._run("pg_ctl", "stop", "-w", "-m", how)

    def close(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder)

    def url(self, query: str = "?") -> str:
        """As SQLAlchemy reads it."""
        return f"postgresql+psycopg://crossover@/postgres{query}host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        output = self._folder / f"{program}.txt"  # not a pipe, which the server would keep open
        with output.open("wb") as file:
            done = subprocess.run(
                command, cwd=self._folder, env=environment, stdout=file, stderr=file, user=self._user
            )
        if done.returncode:
            logs = [path.read_text() for path in (output, self._folder / "log") if path.exists()]
            raise RuntimeError(f"{program} failed:\n" + "\n".join(logs))


def _somebody_else() -> str:
    import pwd  # isn't on Windows

    there = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in there else "nobody"


def _open_folder() -> str:
    """A folder for temporary files whose way another user may go, too."""
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if all(part.stat().st_mode & 0o001 for part in (Path(folder), *Path(folder).parents)):
            return folder
    raise RuntimeError("no folder for temporary files that PostgreSQL's user can reach")


def main() -> None:
    if find() is None and (command := packages.apt_get()):
        packages.install(command, ["postgresql"], "the tests of the store")
    print("PostgreSQL for the tests:", find() or f"none; they are skipped ({HOW})")


if __name__ == "__main__":
    main()
