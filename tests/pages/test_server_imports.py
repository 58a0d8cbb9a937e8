"""What the server's process loads: never torch, and nothing as heavy that a page could do without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_HEAVY = ("torch", "torchvision", "sklearn", "pandas", "plotly.express")


def test_the_full_page_loads_nothing_heavy_into_the_server(tmp_path):
    own = {"CROSSOVER_DATA_DIR": str(tmp_path), "CROSSOVER_RECORDINGS_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.full_page", *_HEAVY],
        cwd=_ROOT,
        env={**os.environ, **own, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
