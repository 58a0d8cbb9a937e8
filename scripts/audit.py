"""Known vulnerabilities of what is pinned, by pip-audit against OSV (https://osv.dev).

`--if-reachable` passes, and says so, where that database can't be reached. PyPI's own answers aren't used:
a mirror without them makes pip-audit skip every package and still end well.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

_OSV = "https://api.osv.dev/v1/vulns/PYSEC-2014-1"  # an old entry: any answer to it will do
_PATIENCE_S = 10
_ROOT = Path(__file__).resolve().parents[1]
_PINS = ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt", "constraints.txt")


def pins(root: Path = _ROOT) -> list[str]:
    """Every `name==version` that is installed, without extras and remarks."""
    found = set()
    for name in _PINS:
        for line in (root / name).read_text(encoding="utf-8").splitlines():
            if pinned := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;#]+)", line):
                found.add(f"{pinned[1]}=={pinned[2]}")
    return sorted(found)


def reachable() -> bool:
    try:
        with urllib.request.urlopen(_OSV, timeout=_PATIENCE_S):
            return True
    except urllib.error.HTTPError:
        return True  # an answer, if not to this question
    except OSError:
        return False


def main() -> int:
    if not reachable():
        print(
            "Dependencies were not audited: api.osv.dev can't be reached from here. `make audit` where it can."
        )
        return 0 if "--if-reachable" in sys.argv[1:] else 1
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("\n".join(pins()) + "\n", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--requirement",
            str(listed),
            "--no-deps",
            "--disable-pip",
        ]
        return subprocess.run(
            [*command, "--vulnerability-service", "osv", "--progress-spinner", "off"]
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
