"""The benchmark of a cluster: what it takes from events and turns. No cluster is started, nothing is timed."""

from __future__ import annotations

import pytest

from benchmarks import cluster
from benchmarks.pairing import BrokenError
from core.records import JobSpec, Note, Setup
from core.runs.queue.job import Job
from tests.builders import make_result, make_workload


def over(*results, failure=None):
    spec = JobSpec(make_workload(), tuple(run.spec.setup for run in results) or (Setup(),))
    job = Job("j", spec, "2026-01-01T00:00:00+00:00", failure=failure)
    job.results = results
    return job


def test_a_job_begins_with_the_first_setup_and_ends_with_its_results():
    side = cluster.Side()
    side.begin()
    job = over(make_result())
    for kind in ("data", "setup", "block", "block", "run_end"):
        side.heard(job, {"type": kind})
    assert side.took(job) > 0
    (share,) = side.beside
    assert len(share) == 3
    assert all(value >= 0 for value in share.values())


def test_a_job_that_shows_nothing_breaks_the_benchmark():
    side = cluster.Side()
    side.begin()
    for job in (over(), over(make_result()), over(make_result(), failure=Note("node_lost"))):
        with pytest.raises(BrokenError):
            side.took(job)


def test_the_rows_pair_what_was_measured_one_after_the_other():
    ray, direct = cluster.Side(), cluster.Side()
    ray.starts_s, ray.rates = [3.0, 4.0], [(99.0,), (50.0,)]
    direct.starts_s, direct.rates = [1.0, 3.5], [(100.0,), (50.0,)]
    ray.beside, direct.beside = [{"a": 0.01}, {"a": 0.03}], [{"a": 0.0}, {"a": 0.0}]
    speed, more, own, beside, _ = cluster.rows(ray, direct)
    assert beside.values == (1.0, 3.0)
    assert speed.values == (0.99, 1.0)
    assert speed.met
    assert more.values == (2.0, 0.5)
    assert own.values == (1.0, 3.5)


def test_without_ray_it_says_so_and_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cluster.cluster, "available", lambda: False)
    assert list(cluster.run(tmp_path, True)) == []
    assert "Ray isn't installed" in capsys.readouterr().out
