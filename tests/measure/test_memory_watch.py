"""Peak memory of one setup: measured where the system tells it, None where it doesn't."""

import mmap
import sys
from types import SimpleNamespace

import pytest
import torch

from core.measure import memory

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets a peak")
def test_the_peak_on_the_host_is_measured():
    watch = memory.Watch(CPU)
    with mmap.mmap(-1, 64 * 2**20) as pages:  # not malloc's, which may keep what is freed
        for start in range(0, len(pages), mmap.PAGESIZE):
            pages[start] = 1
    peak = watch.peak()
    assert peak.device_peak_bytes is None
    # the next setup starts from what is there now, not from the last one's peak
    again = memory.Watch(CPU).peak()
    assert peak.host_peak_bytes - again.host_peak_bytes == pytest.approx(64 * 2**20, rel=0.2)


def test_where_the_peak_cant_be_reset_it_isnt_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "no such folder" / "clear_refs")
    assert memory.Watch(CPU).peak().host_peak_bytes is None


def test_elsewhere_than_on_linux_it_isnt_measured(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert memory.Watch(CPU).peak().host_peak_bytes is None


def test_on_a_device_the_increase_is_measured(monkeypatch):
    called = []
    fake = SimpleNamespace(
        reset_peak_memory_stats=called.append,
        memory_allocated=lambda device: 1_000,
        max_memory_allocated=lambda device: 5_000,
    )
    monkeypatch.setattr(torch, "cuda", fake)
    device = torch.device("cuda:0")
    assert memory.Watch(device).peak().device_peak_bytes == 4_000
    assert called == [device]
