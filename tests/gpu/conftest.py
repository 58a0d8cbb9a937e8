"""Tests in this folder run where torch sees a GPU, and are skipped elsewhere."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _needs_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.accelerator.is_available():
        pytest.skip("torch sees no GPU on this machine")
