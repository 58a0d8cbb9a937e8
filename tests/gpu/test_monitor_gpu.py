"""A real GPU through the monitor: every reading is plausible, and copies show as traffic."""

from __future__ import annotations

import time

import pytest

from core.hardware import nvml
from core.hardware.monitor import Monitor
from core.hardware.monitor.gpus import Gpus

GPUS, REASON = nvml.gpus()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not GPUS, reason=f"no GPU: {REASON}")]


def test_what_is_seen_of_a_real_gpu_is_plausible():
    gpus = Gpus()
    seen = gpus.read(time.perf_counter())
    time.sleep(0.2)
    seen = gpus.read(time.perf_counter())
    assert [gpu.gpu.uuid for gpu in seen.gpus] == [gpu.uuid for gpu in GPUS]
    assert seen.happenings == ()
    for gpu in seen.gpus:
        absent = {item.reading.removeprefix("gpu.") for item in gpu.absent}
        assert gpu.lost is None
        assert "pcie" in absent or gpu.pcie.startswith("gen")
        for name in ("sent_bytes_per_s", "received_bytes_per_s"):
            rate = getattr(gpu, name)
            assert (rate is None) == (name in absent)
            assert rate is None or 0 <= rate < 200e9
        assert "energy_j" in absent or 0 <= gpu.energy_j < 2000
        assert ("processes" in absent) == (gpu.processes is None)


def test_copies_from_the_host_show_as_received_bytes():
    """Also says that the counters move within the short window, and that their unit is a byte."""
    torch = pytest.importorskip("torch")
    gpus = Gpus()
    gpus.read(time.perf_counter())
    if gpus.read(time.perf_counter()).gpus[0].received_bytes_per_s is None:
        pytest.skip("this GPU tells no traffic")
    host = torch.empty(2**28, dtype=torch.uint8).pin_memory()
    device = torch.empty_like(host, device="cuda")
    started = torch.cuda.Event(enable_timing=True)
    ended = torch.cuda.Event(enable_timing=True)
    started.record()
    for _ in range(40):  # 10 GB, queued: the copies go on while the counters are read
        device.copy_(host, non_blocking=True)
    ended.record()
    rates = [gpus.read(time.perf_counter()).gpus[0].received_bytes_per_s for _ in range(2)]
    torch.cuda.synchronize()
    true_rate = 40 * 2**28 / (started.elapsed_time(ended) / 1e3)
    assert max(rate for rate in rates if rate is not None) == pytest.approx(true_rate, rel=0.5)


def test_the_monitor_watches_it():
    monitor = Monitor()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (now := monitor.look()):
            time.sleep(0.05)
        assert now is not None
        while time.monotonic() < deadline and monitor.look().number < 3:
            time.sleep(0.2)
        assert len(monitor.watched().gpus[0].samples) >= 2
        assert monitor.failure is None
    finally:
        monitor.close()
