"""How much a running job computes, as the Monitor page tells it."""

from __future__ import annotations

import dataclasses

from pages._monitor import monitor_arithmetic
from tests.builders import make_limits, make_result


def test_the_share_of_the_peak_costs_no_more_the_longer_a_run_goes_on(monkeypatch):
    """Its interval is of the newest blocks alone: of an hour's it would take seconds of the run's processor."""
    result = make_result(limits=make_limits())
    slow, fast = (dataclasses.replace(result.blocks[0], duration_s=seconds) for seconds in (5.0, 0.5))
    result = dataclasses.replace(result, blocks=(slow,) * 1000 + (fast,) * 50)
    monkeypatch.setattr(monitor_arithmetic, "_earlier", lambda workload, job_id: ())
    found = monitor_arithmetic._of(result, (result,), None)
    newest = dataclasses.replace(result, blocks=(fast,) * 10)
    assert found.peak_share == monitor_arithmetic.measured.mfu(newest)
    assert found.samples_per_s == fast.samples / 0.5
