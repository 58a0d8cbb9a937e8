"""Counters that wrap and jump, and whose processes are whose."""

from pathlib import Path

import psutil
import pytest

from core.hardware.monitor import processes
from core.hardware.monitor.counters import EnergyTotal, bytes_per_s, link_bytes_per_s
from core.records import GpuProcess


@pytest.mark.parametrize(
    ("before", "after", "window_s", "link", "rate"),
    [
        (0, 2_000_000, 0.02, "gen4 x16", 1e8),
        (2**32 - 1_000_000, 1_000_000, 0.02, "gen4 x16", 1e8),  # it wrapped
        (5_000_000, 0, 0.02, "gen3 x4", None),  # it began again: no such link is that fast
        (0, 4_000_000_000, 0.02, None, None),
        (0, 2_000_000, 0.2, "gen5 x16", None),  # it may have wrapped unseen
        (0, 2_000_000, 0.2, "gen3 x4", 1e7),
        (7, 7, 0.0, "gen3 x4", None),
    ],
)
def test_the_rate_of_a_counter_that_wraps(before, after, window_s, link, rate):
    found = bytes_per_s(before, after, window_s, link)
    assert found is None if rate is None else found == pytest.approx(rate)


def test_a_link_that_is_newer_than_this_program_isnt_taken_for_a_slow_one():
    assert link_bytes_per_s("gen9 x16") > link_bytes_per_s("gen6 x16") == link_bytes_per_s(None)


def test_energy_over_a_time_without_readings_still_counts():
    total = EnergyTotal()
    assert total.joules is None
    assert [total.add(joules, at_s, 100.0) for joules, at_s in ((50, 0), (None, 1), (6000, 60))] == [True] * 3
    assert total.joules == 5950


def test_whose_processes_they_are(monkeypatch):
    class Theirs:
        def __init__(self, pid=None):
            if pid == 3:
                raise psutil.NoSuchProcess(pid)
            if pid == 4:
                raise psutil.AccessDenied(pid)
            self.pid = pid

        def uids(self):
            return psutil._ntuples.puids(0 if self.pid == 2 else 1000, 0, 0)

        def name(self):
            return "python3"

    monkeypatch.setattr(processes.psutil, "Process", Theirs)
    assert processes.split([(1, 5), (2, 6), (3, 7), (4, 8)]) == ((GpuProcess(1, "python3", 5),), 3)


def test_numbers_are_the_hosts_only_in_its_own_namespace(monkeypatch):
    monkeypatch.setattr(processes.sys, "platform", "linux")
    for link, here in (("pid:[4026531836]", True), ("pid:[4026532201]", False)):
        monkeypatch.setattr(Path, "readlink", lambda _, link=link: Path(link))
        assert processes.numbered_as_here() is here
    monkeypatch.setattr(Path, "readlink", lambda _: (_ for _ in ()).throw(PermissionError))
    assert not processes.numbered_as_here()
