"""A board's places are no finer than its intervals, its setups the fastest, and what is left out is counted."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.analysis.leaderboard import MOST_RUNS, Hardware, board, hardware
from core.analysis.summary import summarise
from core.errors import InputError
from core.records import Device
from tests.builders import (
    make_blocks,
    make_cpu,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
    make_setup,
    make_spec,
    make_uniform_blocks,
)

DAY = "2026-11-{:02}T10:00:00+00:00"


def on(name, step_s=0.1, *, day=20, jitter=(0.0, 0.01, -0.01, 0.005, -0.005), **changes):
    """A run on a GPU of that name, alone in its job."""
    run_id = changes.pop("id", f"{name}-{step_s}-{day}")
    device = Device("cuda:0", name, f"GPU-{name}", 16 * 2**30, "9.0")
    whole = {
        "id": run_id,
        "job_id": f"job-{run_id}",
        "created_at": DAY.format(day),
        "environment": make_environment(device=device),
        "blocks": make_blocks(step_s, jitter=jitter),
        "telemetry": None,
    }
    return make_gpu_result(**(whole | changes))


def doubted(run):
    """Three whole epochs in three blocks that don't agree at all: a grave doubt."""
    durations = [0.2, 0.5, 1.1, 0.3, 0.9, 1.4, 0.25, 0.7]
    return dataclasses.replace(run, blocks=make_uniform_blocks(durations, samples=1408, epoch=4))


def places(found):
    return {entry.device.name: (entry.place_low, entry.place_high) for entry in found.entries}


def test_clear_differences_give_clear_places():
    found = board([on("slow", 0.4), on("fast", 0.1), on("middle", 0.2)])
    assert [entry.device.name for entry in found.entries] == ["fast", "middle", "slow"]
    assert places(found) == {"fast": (1, 1), "middle": (2, 2), "slow": (3, 3)}
    assert found.left_out == ()


def test_overlapping_intervals_share_their_places():
    found = board([on("a", 0.1), on("b", 0.1004), on("c", 0.4)])
    assert places(found) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def test_a_chain_of_overlaps_leaves_each_its_own_range():
    wide = (0.0, 0.15, -0.15, 0.14, -0.14)
    fast, between, slow = on("fast", 0.1), on("between", 0.105, jitter=wide), on("slow", 0.115)
    rates = [summarise(run).samples_per_s for run in (fast, between, slow)]
    assert rates[0].low > rates[2].high  # the ends are apart, and each overlaps the middle
    assert rates[1].low < rates[2].high
    assert rates[1].high > rates[0].low
    assert places(board([fast, between, slow])) == {"fast": (1, 2), "between": (1, 3), "slow": (2, 3)}


def test_where_the_work_was_not_the_same_there_is_no_order():
    other = on("other", 0.01, first_losses=tuple(2.0 * 0.9**i for i in range(66)))
    assert places(board([other, on("a", 0.1)])) == {"other": (1, 2), "a": (1, 2)}


def test_each_device_comes_with_its_fastest_setup_in_whole():
    graph = make_spec(device="cuda:0", step="graph")
    found = board([on("gpu", 0.2), on("gpu", 0.1, spec=graph), on("gpu", 0.3, day=21)])
    (entry,) = found.entries
    assert entry.setup == graph.setup
    assert (entry.run_id, entry.runs, entry.created_at) == ("gpu-0.1-20", 1, DAY.format(20))
    assert entry.rate == summarise(on("gpu", 0.1)).samples_per_s


def test_several_runs_widen_the_interval_to_their_envelope_and_the_newest_counts():
    older, newest = on("gpu", 0.09, day=1), on("gpu", 0.1, day=2)
    (entry,) = board([older, newest]).entries
    one, other = summarise(older).samples_per_s, summarise(newest).samples_per_s
    assert (entry.rate.value, entry.rate.low, entry.rate.high) == (other.value, other.low, one.high)
    assert (entry.run_id, entry.runs) == (newest.id, 2)


def test_only_the_newest_runs_are_behind_an_entry():
    runs = [on("gpu", 0.01, day=1), *(on("gpu", 0.1, day=day) for day in range(2, 2 + MOST_RUNS))]
    (entry,) = board(runs).entries
    assert entry.runs == MOST_RUNS
    assert entry.rate.high < 1000


def test_equal_gpus_of_one_machine_are_one_device():
    second = on("gpu", 0.1, day=21, spec=make_spec(device="cuda:1"))
    (entry,) = board([on("gpu", 0.1), second]).entries
    assert entry.runs == 2


def test_processors_are_told_apart_by_the_cores_a_run_may_use():
    quota = make_environment(make_machine(cpu=make_cpu(quota_cores=2.5)))
    few = make_result(id="few", job_id="few", environment=quota, blocks=make_blocks(0.5), telemetry=None)
    found = board([make_result(telemetry=None), few])
    assert [entry.device for entry in found.entries] == [Hardware("Test CPU", 16.0), Hardware("Test CPU", 2.5)]


def test_a_cpus_setup_is_the_thread_count_it_used():
    runs = [
        make_result(
            id=str(threads), job_id=str(threads), threads=threads, telemetry=None, blocks=make_blocks(step)
        )
        for threads, step in ((1, 0.8), (8, 0.4))
    ]
    (entry,) = board(runs).entries
    assert (entry.result.threads, entry.runs) == (8, 1)


def test_a_doubtful_run_counts_only_where_there_is_no_other():
    doubtful = doubted(on("gpu", day=28))
    (alone,) = board([doubtful]).entries
    assert alone.quality == "doubtful"
    (entry,) = board([doubtful, on("gpu", 0.2)]).entries
    assert (entry.run_id, entry.runs) == ("gpu-0.2-20", 1)
    assert entry.quality != "doubtful"


def test_an_entry_is_as_far_from_here_as_the_furthest_run_behind_it():
    runs = [on("gpu", day=2), on("gpu", day=1, origin="recorded")]
    assert [entry.origin for entry in board(runs).entries] == ["recorded"]
    assert [entry.origin for entry in board(runs[:1]).entries] == ["measured"]


def test_what_is_left_out_is_counted_by_its_reason():
    runs = [
        on("a"),
        on("b", spec=make_spec(device="cuda:0", precision="bf16")),
        on("c", status="failed"),
        on("d", status="cancelled"),
        on("e", environment=None),
        on("f", blocks=make_uniform_blocks([1.0])),
        on("g", schema_version=99),
        on("h", blocks=make_uniform_blocks([1e-12, 1e-12])),
    ]
    found = board(runs)
    assert [entry.device.name for entry in found.entries] == ["a"]
    assert dict(found.left_out) == {
        "other_precision": 1, "unfinished": 2, "unknown_device": 1, "no_rate": 1,
        "schema_unreadable": 1, "malformed_record": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("precision", "names"), [(None, {"a", "b"}), ("bf16", {"b"}), ("tf32", set())])
def test_the_precision_can_be_chosen(precision, names):
    found = board([on("a"), on("b", spec=make_spec(device="cuda:0", precision="bf16"))], precision)
    assert {entry.device.name for entry in found.entries} == names


def test_one_run_on_other_data_leaves_the_board_however_fast():
    changed = dataclasses.replace(make_result().data, train_samples=100_000)
    found = board([on("odd", 0.001, data=changed), on("a"), on("b", 0.2)])
    assert [entry.device.name for entry in found.entries] == ["a", "b"]
    assert found.left_out == (("not_comparable", 1),)


def test_a_board_is_of_one_workload():
    assert board([]).entries == ()
    assert board([]).workload is None
    with pytest.raises(InputError) as refused:
        board([on("a"), on("b", spec=make_spec(device="cuda:0", batch_size=32))])
    assert refused.value.code == "not_comparable"


def test_without_an_environment_there_is_no_device():
    assert hardware(make_result(environment=None)) is None
    unknown = make_environment(make_machine(cpu=make_cpu(usable_cores=None)))
    assert hardware(make_result(environment=unknown)) == Hardware("Test CPU", None)
    assert hardware(make_result(spec=make_spec(), environment=make_environment())).cores == 16
    assert make_setup().device == "cpu"


@given(some.lists(some.floats(0.05, 0.5), min_size=1, max_size=6))
def test_places_are_ranges_that_every_order_of_the_devices_allows(steps):
    found = board([on(f"gpu-{i}", step) for i, step in enumerate(steps)])
    count = len(steps)
    assert [entry.rate.value for entry in found.entries] == sorted(
        (entry.rate.value for entry in found.entries), reverse=True
    )
    for place, entry in enumerate(found.entries, start=1):  # the order by rate is one of the possible ones
        assert 1 <= entry.place_low <= place <= entry.place_high <= count
