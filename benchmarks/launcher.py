"""`python -m benchmarks.launcher run SCRIPT ...`: Streamlit as ever, but two things can be asked of it.

On SIGUSR1 it writes the names of its modules, one on each line, to `modules.txt` in the folder that
BENCHMARK_FOLDER names. On SIGUSR2 it collects garbage, has the allocator hand unused memory back to the system
and makes the file `tidied` there. For the benchmark alone: the dashboard itself has no such doors.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

from streamlit.web import cli


def _tell(*_: object) -> None:
    target = Path(os.environ["BENCHMARK_FOLDER"]) / "modules.txt"
    part = target.with_suffix(".part")
    part.write_text("\n".join(sorted(sys.modules)))
    part.replace(target)


def _tidy(*_: object) -> None:
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc's
        trim(0)
    (Path(os.environ["BENCHMARK_FOLDER"]) / "tidied").touch()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    signal.signal(signal.SIGUSR2, _tidy)
    cli.main(prog_name="streamlit")
