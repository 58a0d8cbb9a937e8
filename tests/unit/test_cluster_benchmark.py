"""The benchmark of a cluster: what it takes from events and turns. No cluster is started, nothing is timed."""

from __future__ import annotations

import time

import pytest

from benchmarks import cluster
from benchmarks.pairing import BrokenError
from core.codec import to_plain
from tests.builders import make_result


def results(**changes):
    return {"type": "results", "runs": to_plain([make_result()]), "failure": None, **changes}


def test_a_job_begins_with_the_first_setup_and_ends_with_its_results():
    begun = time.perf_counter()
    start_s, found = cluster.followed([{"type": "placed"}, {"type": "setup", "run": 0}, results()], begun)
    assert 0 < start_s <= time.perf_counter() - begun
    assert found == [make_result()]


@pytest.mark.parametrize("events", [[], [{"type": "setup"}], [results()]])
def test_a_job_without_results_breaks_the_benchmark(events):
    with pytest.raises(BrokenError):
        cluster.followed(events, 0.0)


def test_a_job_that_fails_breaks_it_too():
    with pytest.raises(BrokenError, match="node_lost"):
        cluster.followed([{"type": "setup"}, results(failure={"code": "node_lost", "facts": {}})], 0.0)


def test_the_rows_pair_what_was_measured_one_after_the_other():
    ray, direct = cluster.Side(), cluster.Side()
    ray.starts_s, ray.rates = [3.0, 4.0], [(99.0,), (50.0,)]
    direct.starts_s, direct.rates = [1.0, 3.5], [(100.0,), (50.0,)]
    speed, more, own = cluster.rows(ray, direct)
    assert speed.values == (0.99, 1.0)
    assert speed.met
    assert more.values == (2.0, 0.5)
    assert own.values == (1.0, 3.5)


def test_without_ray_it_says_so_and_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cluster.cluster, "available", lambda: False)
    assert list(cluster.run(tmp_path, True)) == []
    assert "Ray isn't installed" in capsys.readouterr().out
