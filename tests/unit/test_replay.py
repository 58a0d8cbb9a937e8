"""A stored job as it was at any moment: from the records alone, on one clock for all of its runs."""

from __future__ import annotations

import dataclasses
import itertools
import time

import pytest

from core.records import Block, EpochRecord, Note, Telemetry
from core.runs.replay import LEAD_S, moment, prepare
from tests.builders import (
    make_cpu_samples,
    make_epochs,
    make_gpu_result,
    make_gpu_samples,
    make_result,
    make_telemetry,
)

CPU, GPU = make_result(), make_gpu_result()
START_S = CPU.blocks[0].start_s - LEAD_S  # on the job's clock
PAIR = prepare((CPU, GPU))


def at(job_s, replay=PAIR):
    """The first job of a replay `job_s` on its clock."""
    return moment(replay, job_s - START_S).jobs[0]


def end(block):
    return block.start_s + block.duration_s


def counts(seen):
    return [len(run.blocks) for run in seen.runs]


def test_it_starts_just_before_the_first_block_and_says_what_is_left_out():
    then = moment(PAIR, 0.0)
    assert PAIR.jobs[0].left_out_s == pytest.approx(9.5)
    assert counts(then.jobs[0]) == [0, 0]
    assert [run.phase for run in then.jobs[0].runs] == ["building", "building"]
    assert (then.fraction, then.left_s, then.over) == (0.0, PAIR.duration_s, False)


def test_before_the_start_is_the_start():
    assert moment(PAIR, -5.0) == moment(PAIR, 0.0)


def test_a_block_is_known_from_its_end_on_and_not_before():
    first = CPU.blocks[0]
    assert counts(at(first.start_s + first.duration_s / 2)) == [0, 0]
    assert counts(at(end(first) - 1e-6)) == [0, 0]
    seen = at(end(first) + 1e-6)
    assert counts(seen) == [1, 0]
    assert seen.runs[0].blocks == [first]
    assert [run.phase for run in seen.runs] == ["running", "building"]


def test_nothing_changes_in_a_gap():
    gap = (end(GPU.blocks[3]) + 0.01, CPU.blocks[4].start_s + 0.01)
    assert gap[0] < gap[1]
    early, late = at(gap[0]), at(gap[1])
    assert counts(early) == counts(late) == [4, 4]


def test_two_runs_that_took_turns_come_on_in_turns():
    ends = sorted([(end(block), 0) for block in CPU.blocks] + [(end(block), 1) for block in GPU.blocks])
    expected = [0, 0]
    for job_s, run in ends:
        expected[run] += 1
        assert counts(at(job_s + 1e-6)) == expected


def test_an_epochs_result_is_known_after_its_evaluation():
    last = [block for block in CPU.blocks if block.epoch == 1][-1]
    told_s = end(last) + CPU.epochs[0].evaluation_s
    assert at(told_s - 0.01).runs[0].epochs == []
    assert at(told_s + 0.01).runs[0].epochs == [CPU.epochs[0]]
    assert at(told_s + 0.01).runs[1].epochs == [], "its own last block is still to come"


def test_the_end_is_all_there_is_and_goes_on_no_further():
    then = moment(PAIR, PAIR.duration_s)
    assert then.over
    assert (then.fraction, then.left_s) == (1.0, 0.0)
    for run, result in zip(then.jobs[0].runs, (CPU, GPU), strict=True):
        assert run.blocks == list(result.blocks)
        assert run.epochs == list(result.epochs)
        assert (run.phase, run.status) == ("over", "finished")
    assert moment(PAIR, PAIR.duration_s + 1000) == then
    assert not moment(PAIR, PAIR.duration_s - 0.01).over


def test_a_run_is_over_when_it_was_and_not_when_the_last_one_is():
    job_s = (end(GPU.blocks[-1]) + end(CPU.blocks[-1])) / 2
    first, second = sorted((0, 1), key=lambda i: end((CPU, GPU)[i].blocks[-1]))
    seen = at(job_s)
    assert (seen.runs[first].phase, seen.runs[second].phase) == ("over", "running")


def test_time_runs_at_true_speed():
    lasts_s = max(end(block) for block in (*CPU.blocks, *GPU.blocks)) - START_S
    assert PAIR.duration_s == pytest.approx(lasts_s)
    then = moment(PAIR, lasts_s / 4)
    assert then.fraction == pytest.approx(0.25)
    assert then.left_s == pytest.approx(lasts_s * 3 / 4)


def test_a_failure_is_told_at_the_runs_end():
    failure = Note("out_of_memory", {"device": "cpu", "batch_size": 64})
    replay = prepare([dataclasses.replace(CPU, blocks=CPU.blocks[:3], status="failed", failure=failure)])
    assert at(end(CPU.blocks[1]) + 0.01, replay).runs[0].failure is None
    assert moment(replay, replay.duration_s).jobs[0].runs[0].failure == failure


def test_jobs_of_their_own_each_begin_at_their_own_start():
    later = make_gpu_result(id="other", job_id="job-2")
    replay = prepare([CPU, later])
    assert [job.results for job in replay.jobs] == [(CPU,), (later,)]
    seen = moment(replay, LEAD_S + later.blocks[0].duration_s + 1e-6)
    assert [counts(job) for job in seen.jobs] == [[0], [1]]
    lasts_s = [end(run.blocks[-1]) - run.blocks[0].start_s for run in (CPU, later)]
    assert replay.duration_s == pytest.approx(LEAD_S + max(lasts_s))


class TestSensors:
    def test_the_latest_reading_at_or_before_the_moment(self):
        cpu, gpus = at(20.05).latest
        assert cpu == [sample for sample in make_cpu_samples() if sample.at_s <= 20.05][-1]
        assert gpus == {"GPU-test": [sample for sample in make_gpu_samples() if sample.at_s <= 20.05][-1]}

    def test_none_before_the_first(self):
        late = make_telemetry(cpu=make_cpu_samples(15.0))
        replay = prepare([dataclasses.replace(CPU, telemetry=late)])
        assert at(14.0, replay).latest == (None, {})
        assert at(15.2, replay).latest[0] is not None

    def test_a_run_without_them(self):
        for telemetry in (None, Telemetry(0.1)):
            replay = prepare([dataclasses.replace(CPU, telemetry=telemetry)])
            assert moment(replay, 5.0).jobs[0].latest == (None, {})

    def test_two_gpus_have_a_reading_each(self):
        device = dataclasses.replace(GPU.environment.device, id="cuda:1", uuid="GPU-second")
        second = make_gpu_result(id="second", environment=dataclasses.replace(GPU.environment, device=device))
        assert set(at(20.0, prepare([GPU, second])).latest[1]) == {"GPU-test", "GPU-second"}

    def test_of_a_gpu_that_nothing_is_known_of(self):
        replay = prepare([dataclasses.replace(GPU, environment=None)])
        assert set(moment(replay, 5.0).jobs[0].latest[1]) == {"cuda:0"}


def _odd(name):
    block, epoch = CPU.blocks[0], make_epochs(1)[0]
    odd = {
        "far away": {"blocks": (dataclasses.replace(block, start_s=1e300),)},
        "shorter than a clock tells": {"blocks": (dataclasses.replace(block, duration_s=1e-9),)},
        "a second of 30 years": {"blocks": (block, dataclasses.replace(block, start_s=1e9, duration_s=1e9))},
        "backwards": {"blocks": CPU.blocks[::-1]},
        "epochs without blocks": {"epochs": make_epochs(9)[::-1]},
        "an evaluation of days": {"epochs": (dataclasses.replace(epoch, evaluation_s=1e6),)},
        "no epochs": {"epochs": ()},
        "epochs from the far end only": {"blocks": (dataclasses.replace(block, epoch=10**9),)},
        "readings of another day": {"telemetry": make_telemetry(cpu=make_cpu_samples(-1e6, -1e6 + 1)[::-1])},
    }
    return dataclasses.replace(CPU, **odd[name])


@pytest.mark.parametrize(
    "name",
    [
        "far away",
        "shorter than a clock tells",
        "a second of 30 years",
        "backwards",
        "epochs without blocks",
        "an evaluation of days",
        "no epochs",
        "epochs from the far end only",
        "readings of another day",
    ],
)
def test_times_that_make_no_sense_are_replayed_all_the_same(name):
    result = _odd(name)
    replay = prepare([result])
    moments = [moment(replay, replay.duration_s * (i / 50)) for i in range(51)]
    told = [len(then.jobs[0].runs[0].blocks) for then in moments]
    assert told == sorted(told)
    assert all(a.fraction <= b.fraction for a, b in itertools.pairwise(moments))
    assert moments[-1].over
    assert told[-1] == len(result.blocks)
    assert len(moments[-1].jobs[0].runs[0].epochs) == len(result.epochs)


def test_a_long_run_costs_little_at_any_moment():
    blocks = tuple(Block(i // 100 + 1, 1, 64, 0.02 * i, 0.01, 1.0) for i in range(50_000))
    epochs = tuple(EpochRecord(i + 1, 100, 6400, 1.0, None, 0, 0.0) for i in range(500))
    replay = prepare([dataclasses.replace(CPU, blocks=blocks, epochs=epochs)])
    began = time.process_time()
    for i in range(100):
        moment(replay, replay.duration_s * i / 100)
    assert time.process_time() - began < 0.5, "5 ms each; it is half a second between two"
