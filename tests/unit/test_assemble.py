"""A worker's events become results: complete ones at the end, partial ones at any moment before."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from core.codec import to_plain
from core.errors import InputError
from core.records import Environment, JobSpec, LessonTrial, Memory, Note, Setup, Workload
from core.runs.queue import assemble
from core.runs.queue.assemble import Assembly
from tests.builders import BATCH, STEPS_PER_EPOCH, make_gpu_result, make_result, make_telemetry
from tests.traces import make_trace

WORK = Workload(epochs=2)
JOB = JobSpec(WORK, (Setup(), Setup("cuda:0")), max_seconds=60.0)
EXAMPLE = make_result()
CPU, GPU = EXAMPLE.environment.device, make_gpu_result().environment.device
FAILURE = Note("worker_killed")


def event(kind, run=None, **fields):
    """As it arrives: through JSON."""
    place = {} if run is None else {"run": run}
    return json.loads(json.dumps({"type": kind, **place, **{name: to_plain(v) for name, v in fields.items()}}))


def warm(run, losses=()):
    return event(
        "warm",
        run,
        threads=4,
        thread_trials=[],
        data=EXAMPLE.data,
        cold_start=EXAMPLE.cold_start,
        memory=Memory(1000, None),
        steps_per_epoch=STEPS_PER_EPOCH,
        losses=list(losses),
    )


def block(run, index, losses=()):
    """The CPU's blocks of five epochs, `STEPS_PER_EPOCH` steps in five of them."""
    return event("block", run, block=EXAMPLE.blocks[index], losses=list(losses))


@pytest.fixture
def assembly():
    return Assembly("job", JOB, "2026-11-22T18:30:00+00:00")


def feed(assembly, *events):
    for item in events:
        assembly.add(item)


def results_of(assembly, unfinished="cancelled", failure=None, devices=None, telemetry=None):
    found = {"cpu": CPU, "cuda:0": GPU} if devices is None else devices
    machine, software = EXAMPLE.environment.machine, EXAMPLE.environment.software
    return assembly.results(found, telemetry or {}, machine, software, unfinished, failure)


WHOLE = (
    event("data", stage="prepare", fraction=0.5),
    event("setup", 0),
    event("note", 0, note=Note("resized", {"side": 64})),
    warm(0),
    event("setup", 1),
    warm(1, [0.5, 0.25]),
    block(0, 0, [2.3, 2.2]),
    block(1, 0),
    block(1, 1),
    block(0, 1, [2.1]),
    event("epoch", 0, epoch=EXAMPLE.epochs[0]),
    event("anatomy", 0, anatomy=EXAMPLE.anatomy),
    event("run_end", 0, status="finished"),
    event("note", 1, note=Note("diverged", {"epoch": 1})),
    event("run_end", 1, status="failed", failure=Note("out_of_memory", {"device": "cuda:0", "batch_size": 64})),
)


def test_what_explains_a_run_may_come_after_its_end(assembly):
    trace, lessons = make_trace(), (LessonTrial("rebuild", "tensor", (0.1, 0.2)),)
    feed(assembly, *WHOLE)
    assert assembly.looking_closer
    told = event("lessons", 0, lessons=lessons), event("trace", 0, trace=trace)
    feed(assembly, *told)
    cpu, gpu = results_of(assembly)
    assert (cpu.trace, cpu.lessons, cpu.status) == (trace, lessons, "finished")
    assert (gpu.trace, gpu.lessons) == (None, ())


def test_a_whole_job_becomes_its_results(assembly):
    feed(assembly, *WHOLE)
    telemetry = {"cpu": make_telemetry(), "cuda:0": make_telemetry(interval_s=0.2)}
    cpu, gpu = results_of(assembly, telemetry=telemetry)
    assert cpu == dataclasses.replace(
        EXAMPLE,
        id="job-0",
        job_id="job",
        spec=JOB.runs[0],
        created_at="2026-11-22T18:30:00+00:00",
        threads=4,
        memory=Memory(1000, None),
        blocks=EXAMPLE.blocks[:2],
        first_losses=(2.3, 2.2, 2.1),
        epochs=EXAMPLE.epochs[:1],
        notes=(Note("resized", {"side": 64}),),
        telemetry=make_telemetry(),
    )
    assert (gpu.id, gpu.spec, gpu.status) == ("job-1", JOB.runs[1], "failed")
    assert gpu.environment == Environment(EXAMPLE.environment.machine, EXAMPLE.environment.software, GPU)
    assert gpu.blocks == EXAMPLE.blocks[:2]
    assert gpu.first_losses == (0.5, 0.25)
    assert gpu.anatomy is None
    assert gpu.notes == (Note("diverged", {"epoch": 1}),)
    assert gpu.failure == Note("out_of_memory", {"device": "cuda:0", "batch_size": 64})
    assert gpu.telemetry.interval_s == 0.2


def test_what_is_over_keeps_its_end_whatever_comes_after(assembly):
    feed(assembly, *WHOLE[:-2])
    cpu, gpu = results_of(assembly, "failed", FAILURE)
    assert (cpu.status, cpu.failure) == ("finished", None)
    assert (gpu.status, gpu.failure) == ("failed", FAILURE)
    assert gpu.blocks == EXAMPLE.blocks[:2]  # what was measured until then


def test_results_can_be_had_at_every_moment(assembly):
    for count, item in enumerate(WHOLE):
        cpu, gpu = results_of(assembly, "interrupted")
        assert len(cpu.blocks) + len(gpu.blocks) == sum(e["type"] == "block" for e in WHOLE[:count])
        assembly.add(item)


def test_before_the_first_event_nothing_is_made_up(assembly):
    for result in results_of(assembly, "cancelled"):
        assert result.status == "cancelled"
        measured = ("threads", "data", "cold_start", "anatomy", "memory", "telemetry", "failure")
        assert [getattr(result, name) for name in measured] == [None] * len(measured)
        assert result.blocks == result.epochs == result.notes == result.first_losses == ()


@pytest.mark.parametrize("unknown", ["machine", "software", "device"])
def test_a_half_known_environment_is_none(assembly, unknown):
    machine, software = EXAMPLE.environment.machine, EXAMPLE.environment.software
    devices = {} if unknown == "device" else {"cpu": CPU}
    results = assembly.results(
        devices,
        {},
        None if unknown == "machine" else machine,
        None if unknown == "software" else software,
        "failed",
        FAILURE,
    )
    assert results[0].environment is None


def test_the_phases_and_the_preparation_are_told(assembly):
    def phases():
        return [run.phase for run in assembly.runs]

    assert (phases(), assembly.preparing) == (["waiting", "waiting"], None)
    feed(assembly, event("data", stage="download", fraction=None))
    assert assembly.preparing == ("download", None)
    feed(assembly, event("data", stage="prepare", fraction=0.5))
    assert assembly.preparing == ("prepare", 0.5)
    feed(assembly, event("setup", 0))
    assert (phases(), assembly.preparing) == (["building", "waiting"], None)
    feed(assembly, warm(0), event("setup", 1), warm(1), block(0, 0))
    assert phases() == ["running", "building"]
    feed(assembly, event("run_end", 0, status="finished"))
    assert phases() == ["over", "building"]


def test_the_fraction_counts_epochs(assembly):
    feed(assembly, event("setup", 0), warm(0), event("setup", 1), warm(1))
    assert assembly.fraction == 0
    seen = [assembly.fraction]
    for index in range(10):
        feed(assembly, block(0, index))
        seen.append(assembly.fraction)
    assert seen == sorted(seen)
    assert seen[1] == pytest.approx(5 / (2 * STEPS_PER_EPOCH) / 2)  # 5 steps of 2 epochs, one of two setups
    assert seen[5] == pytest.approx(0.25)
    assert seen[10] == pytest.approx(0.5)
    feed(assembly, block(0, 10))  # an extra block, beyond the epochs asked for
    assert assembly.fraction == pytest.approx(0.5)
    feed(assembly, event("run_end", 1, status="failed", failure=FAILURE))
    assert assembly.fraction == 1


def test_the_fraction_counts_time_where_that_is_nearer_its_end():
    assembly = Assembly("job", dataclasses.replace(JOB, max_seconds=8.0), "")
    feed(assembly, event("setup", 0), warm(0), block(0, 0), block(0, 1))
    spent_s = sum(item.duration_s for item in EXAMPLE.blocks[:2])
    assert assembly.runs[0].fraction(8.0) == pytest.approx(spent_s / 8.0)
    assert assembly.runs[0].fraction(1.0) == 1.0
    assert assembly.runs[0].fraction(1e9) == pytest.approx(10 * BATCH / (2 * STEPS_PER_EPOCH * BATCH))


def test_the_time_left_follows_from_the_pace(assembly, monkeypatch):
    now = 100.0
    monkeypatch.setattr(assemble, "time", SimpleNamespace(monotonic=lambda: now))
    feed(assembly, warm(0), warm(1))
    assert assembly.seconds_left is None
    feed(assembly, block(0, 0), block(1, 0))
    now = 110.0
    assert assembly.seconds_left == pytest.approx(10 * (44 - 5) / 5)
    feed(assembly, event("run_end", 0, status="finished"), event("run_end", 1, status="finished"))
    assert assembly.seconds_left == 0


def test_an_event_that_lies_is_refused(assembly):
    broken = event("block", 0, block=EXAMPLE.blocks[0], losses=[])
    broken["block"]["duration_s"] = float("nan")
    with pytest.raises(InputError, match="malformed_record"):
        assembly.add(broken)
