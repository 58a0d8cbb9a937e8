"""The benchmark for GPUs runs to its end on one; what it prints is no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu
ROOT = Path(__file__).resolve().parents[2]


def test_every_row_is_printed():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")
    command = (sys.executable, "-m", "benchmarks", "gpu", "--quick")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("article's loop", "resident eager loop", "products alone", "copied ahead", "with a kernel"):
        assert part in done.stdout
