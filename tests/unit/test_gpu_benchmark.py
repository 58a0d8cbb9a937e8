"""What the benchmark for GPUs concludes from results; measuring them needs a GPU (tests/gpu)."""

import dataclasses

import pytest

from benchmarks import gpu
from benchmarks.pairing import BrokenError
from core.records import Note, Setup
from tests.builders import make_blocks, make_gpu_result
from tests.ladders import make_limits

GPU = "cuda:0"
EVERY_S = 1.0


def measured(step_s, start_s, limits=None, **setup):
    spec = dataclasses.replace(make_gpu_result().spec, setup=Setup(GPU, **setup))
    blocks = make_blocks(step_s, start_s=start_s, every_s=EVERY_S, jitter=(0.0, 0.01, -0.01))
    return make_gpu_result(id=str(setup), spec=spec, blocks=blocks, limits=limits)


LOADER = measured(0.020, 10.0, data_path="loader")
EAGER = measured(0.008, 10.3)
GRAPH = measured(0.002, 10.6, limits=make_limits(1e11), fused=True, step="graph", steps_per_call=8)
FAILED = dataclasses.replace(
    GRAPH, id="failed", blocks=(), status="failed", failure=Note("out_of_memory"), limits=None
)


def test_the_fastest_is_of_those_that_were_measured():
    assert gpu.fastest([LOADER, FAILED, GRAPH, EAGER]) == GRAPH
    with pytest.raises(BrokenError, match="out_of_memory"):
        gpu.fastest([FAILED])


def test_the_graph_stands_against_both_loops():
    rows = {row.name: row for row in gpu.launches_gone(LOADER, EAGER, GRAPH)}
    assert rows["mlp, batch 64, fp32: graph / the article's loop"].median == pytest.approx(10, rel=0.05)
    assert rows["mlp, batch 64, fp32: graph / the resident eager loop"].median == pytest.approx(4, rel=0.05)
    assert all(row.met for name, row in rows.items() if "loop" in name)
    slower = {
        row.name: row
        for row in gpu.launches_gone(LOADER, EAGER, measured(0.004, 10.6, GRAPH.limits, step="graph"))
    }
    assert not slower["mlp, batch 64, fp32: graph / the article's loop"].met


def test_the_floor_is_that_of_the_products_alone():
    # 64 images of 1 MFLOP at 70 GFLOP/s take 0.914 ms of a step of 2 ms
    row = gpu.of_floor(GRAPH, 0.5)
    assert row.median == pytest.approx(0.914 / 2, rel=0.03)
    assert not row.met
    assert gpu.of_floor(GRAPH, 0.4).met


def test_copies_are_hidden_where_they_cost_less_than_a_twentieth():
    workers = measured(0.0082, 10.1, data_path="workers")
    assert gpu.copies_hidden(workers, EAGER).met
    assert not gpu.copies_hidden(LOADER, EAGER).met


def test_utilisation_is_of_the_measured_peak():
    share, rate = gpu.utilisation(GRAPH)
    assert share.median == pytest.approx(64 * 1e6 / 0.002 / 1e11, rel=0.03)
    assert rate.median == pytest.approx(64 / 0.002, rel=0.03)
    assert "A100" in rate.remark  # whose figure stands beside it


@pytest.mark.parametrize("conclude", [gpu.utilisation, lambda result: [gpu.of_floor(result, 0.5)]])
def test_what_failed_breaks_the_benchmark_with_its_reason(conclude):
    with pytest.raises(BrokenError, match="out_of_memory"):
        list(conclude(FAILED))


@pytest.mark.parametrize(
    ("spans", "share"),
    [
        ([(0, 1), (1, 2)], 1.0),
        ([(0, 1), (3, 4)], 0.5),
        ([(3, 4), (0, 1)], 0.5),
        ([(0, 4), (1, 2), (3, 5), (9, 10)], 0.6),  # kernels side by side count once
    ],
)
def test_busy_is_the_time_with_anything_running(spans, share):
    assert gpu.busy_share(spans) == pytest.approx(share)


def test_an_empty_profile_is_a_broken_benchmark():
    with pytest.raises(BrokenError):
        gpu.busy_share([])
