"""`python -m benchmarks.launcher run SCRIPT ...`: Streamlit as ever, but it can be asked what it has imported.

On the signal SIGUSR1 it writes the names of its modules, one on each line, to the file that BENCHMARK_MODULES
names. For the benchmark alone: the dashboard itself has no such door.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from streamlit.web import cli


def _tell(*_: object) -> None:
    target = Path(os.environ["BENCHMARK_MODULES"])
    part = target.with_suffix(".part")
    part.write_text("\n".join(sorted(sys.modules)))
    part.replace(target)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    cli.main(prog_name="streamlit")
