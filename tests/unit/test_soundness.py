"""Runs that can't have been measured are refused, and the first thing that is wrong with them is named."""

from __future__ import annotations

import dataclasses
import math

import pytest

from core.analysis.soundness import refuse_overlap, refuse_unsound
from core.errors import InputError
from core.messages import sentence
from core.records import SCHEMA_VERSION, Idle, LessonTrial, ThreadTrial
from tests.builders import (
    make_blocks,
    make_cpu_samples,
    make_gpu_result,
    make_gpu_samples,
    make_result,
    make_spec,
    make_telemetry,
)


def refusal(result):
    with pytest.raises(InputError) as caught:
        refuse_unsound(result)
    assert sentence(caught.value.code, caught.value.facts)
    return caught.value


def _block(index, **changes):
    blocks = list(make_blocks())
    blocks[index] = dataclasses.replace(blocks[index], **changes)
    return make_result(blocks=tuple(blocks))


def _epoch(index, **changes):
    epochs = list(make_result().epochs)
    epochs[index] = dataclasses.replace(epochs[index], **changes)
    return make_result(epochs=tuple(epochs))


def _idle(**changes):
    return make_result(idle=dataclasses.replace(Idle(2.0, 70.0, 140.0, "counter"), **changes))


def _lesson(**changes):
    tried = LessonTrial("to_device", "once", (0.1, 0.2), moved_bytes=0, samples=1)
    return make_result(lessons=(dataclasses.replace(tried, **changes),))


def _samples(part, make, **changes):
    samples = (make()[0], dataclasses.replace(make()[1], **changes))
    return make_result(telemetry=make_telemetry(**{part: samples}))


def test_what_was_measured_is_sound():
    for run in (
        make_result(),
        make_gpu_result(),
        _lesson(),
        _idle(),
        _idle(source=None, power_w=None, energy_j=None),
    ):
        refuse_unsound(run)
    refuse_unsound(make_result(blocks=(), epochs=(), data=None, cold_start=None, telemetry=None))
    refuse_unsound(make_result(blocks=make_blocks(extra=9)))  # extra blocks belong to no epoch's record
    untimed = make_result(blocks=make_blocks()[::2])  # an epoch may hold steps outside its blocks
    refuse_unsound(untimed)


@pytest.mark.parametrize(
    ("result", "where"),
    [
        (_block(2, duration_s=-1.0), "blocks[2].duration_s"),
        (_block(2, duration_s=math.nan), "blocks[2].duration_s"),
        (_block(2, duration_s=1e300), "blocks[2].duration_s"),
        (_block(2, duration_s=1e-300), "blocks[2].duration_s"),
        (_block(0, start_s=-0.1), "blocks[0].start_s"),
        (_block(3, start_s=12.0), "blocks[3].start_s"),  # before block 2 has ended
        (_block(2, duration_s=3.1), "blocks[3].start_s"),
        (_block(1, samples=319), "blocks[1].samples"),  # 5 steps of 64 are 320
        (_block(1, epoch=0), "blocks[1].epoch"),
        (_block(4, epoch=2), "epochs[1].samples"),  # 26 steps of an epoch that had 22
        (_epoch(0, samples=22 * 64 - 1), "epochs[0].samples"),
        (_epoch(0, steps=23, samples=23 * 64), "epochs[0].samples"),  # more than the 1437 there are
        (_epoch(1, epoch=1), "epochs[1].epoch"),
        (_epoch(0, test_accuracy=1.2), "epochs[0].test_accuracy"),
        (_epoch(0, test_accuracy=-0.2), "epochs[0].test_accuracy"),
        (_epoch(0, test_samples=0), "epochs[0].test_samples"),
        (make_result(spec=make_spec(batch_size=0)), "spec.workload.batch_size"),
        (make_result(threads=0), "threads"),
        (make_result(thread_trials=(ThreadTrial(0, (1.0,)),)), "thread_trials[0].threads"),
        (make_result(thread_trials=(ThreadTrial(2, (1.0, 0.0)),)), "thread_trials[0].seconds_per_sample[1]"),
        (make_result(thread_trials=(ThreadTrial(2, ()),)), "thread_trials[0].seconds_per_sample"),
        (_lesson(seconds=(0.1, 0.0)), "lessons[0].seconds[1]"),
        (_lesson(seconds=(0.1, -0.1)), "lessons[0].seconds[1]"),
        (_lesson(samples=0), "lessons[0].samples"),
        (_lesson(moved_bytes=-1), "lessons[0].moved_bytes"),
        (_idle(power_w=-1.0), "idle.power_w"),
        (_idle(duration_s=-1.0), "idle.duration_s"),
        (_idle(source=None), "idle.source"),
        (_idle(power_w=None, energy_j=None), "idle.source"),
        (_samples("cpu", make_cpu_samples, clock_hz=-1.0), "telemetry.cpu[1].clock_hz"),
        (_samples("gpu", make_gpu_samples, power_w=-5.0), "telemetry.gpu[1].power_w"),
        (make_result(telemetry=make_telemetry(foreign_gpu_processes=-1)), "telemetry.foreign_gpu_processes"),
        (make_result(created_at="2026-11-20"), "created_at"),
    ],
)
def test_the_first_contradiction_is_named(result, where):
    found = refusal(result)
    assert (found.code, found.facts["where"]) == ("malformed_record", f"RunResult.{where}")


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_a_format_that_is_not_known_is_refused(version):
    found = refusal(make_result(schema_version=version))
    assert (found.code, found.facts["found"]) == ("schema_unreadable", version)


def test_setups_of_one_job_take_turns():
    cpu, gpu = make_result(), make_gpu_result()
    refuse_overlap(cpu, gpu)
    touching = tuple(
        dataclasses.replace(block, start_s=before.start_s + before.duration_s)
        for block, before in zip(gpu.blocks, cpu.blocks, strict=True)
    )
    refuse_overlap(cpu, dataclasses.replace(gpu, blocks=touching))
    inside = dataclasses.replace(
        gpu, blocks=(dataclasses.replace(gpu.blocks[0], start_s=13.5, duration_s=0.1),)
    )
    with pytest.raises(InputError) as caught:
        refuse_overlap(cpu, inside)
    assert caught.value.facts == {
        "where": "blocks of run-cpu and run-gpu",
        "problem": "overlap in time, at 13.5 s of the job",
    }
    refuse_overlap(cpu, dataclasses.replace(inside, job_id="job-2"))  # each job has its own clock


def test_a_block_that_spans_several_of_the_other_is_found():
    cpu, gpu = make_result(), make_gpu_result()
    long = dataclasses.replace(cpu.blocks[0], start_s=12.1, duration_s=0.05)
    across = dataclasses.replace(cpu, blocks=(long, dataclasses.replace(long, start_s=12.15, duration_s=9.0)))
    with pytest.raises(InputError):
        refuse_overlap(across, gpu)
