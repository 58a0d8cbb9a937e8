"""Records survive the trip through JSON, and nothing else gets in."""

import dataclasses
import inspect
import json
import math

import pytest

from core import messages, records
from core.analysis.comparison import compare
from core.codec import from_plain, to_plain
from core.errors import InputError
from core.records import (
    Block,
    Caveat,
    Communication,
    Estimate,
    GpuProcess,
    Happening,
    Idle,
    JobSpec,
    LessonTrial,
    Memory,
    Note,
    RunResult,
    Setup,
    Stretch,
    Target,
    Telemetry,
    ThreadTrial,
    Workload,
)
from tests.builders import make_gpu_result, make_limits, make_machine, make_result
from tests.traces import make_gpu_trace
from tests.watched import AT_S, make_gpu_now, make_now, make_watched

FULL = make_gpu_result(
    status="failed",
    origin="imported",
    notes=(Note("resized", {"side": 64, "share": 0.5, "yes": True, "no": None, "text": "né 数"}),),
    thread_trials=(ThreadTrial(1, (0.002, 0.0021)), ThreadTrial(2, (0.001,))),
    limits=make_limits(gpu=True),
    trace=make_gpu_trace(),
    communication=Communication("nccl", 1_628_200, (0.003, 0.0031), (0.002, 0.0019), (0.0012,)),
    lessons=(LessonTrial("zero_grad", "with", (), (2.3, 2.2), None, 64),),
    idle=Idle(2.0, 70.5, 141.0, "counter"),
    failure=Note("out_of_memory_fits", {"device": "cuda:0", "batch_size": 64, "fits": 32}),
    telemetry=dataclasses.replace(
        make_gpu_result().telemetry, absent=(records.Absent("cpu.clock_hz", "cpu_clock_hidden"),)
    ),
)
NOW = make_now((make_gpu_now(processes=(GpuProcess(41, "python", None),)),))
EXAMPLES = (
    FULL,
    make_result(environment=None, threads=None, data=None, cold_start=None, blocks=(), anatomy=None),
    JobSpec(Workload(), (Setup(), Setup("cuda:0", "bf16", 4, "loader")), 12.5),
    Estimate(2.0, 1.5, 2.5),
    Caveat("noisy", True, {"pct": 30}),
    compare(make_result(), make_gpu_result()),
    NOW,
    Target("n1", "cuda:0", "H200", 8, "busy", Note("no"), make_machine(), (("torch", "2.13.0"),)),
    make_watched(
        NOW,
        2,
        happenings=(Happening(AT_S, Note("monitor_slept")),),
        stretches=(Stretch(AT_S - 1, None, "job"),),
    ),
)


def _kinds_in(value):
    """The record types in a value, its own included."""
    if dataclasses.is_dataclass(value):
        yield type(value)
        value = [getattr(value, item.name) for item in dataclasses.fields(value)]
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _kinds_in(item)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_survives_json(record):
    text = json.dumps(to_plain(record), allow_nan=False)
    again = from_plain(type(record), json.loads(text))
    assert again == record
    assert json.dumps(to_plain(again), allow_nan=False) == text  # also 1, 1.0 and True, which are equal


def test_every_record_is_among_the_examples():
    defined = {kind for _, kind in inspect.getmembers(records, dataclasses.is_dataclass)}
    assert defined == {kind for record in EXAMPLES for kind in _kinds_in(record)}


def test_plain_means_plain():
    allowed = (dict, list, str, int, float, bool, type(None))

    def check(value):
        assert type(value) in allowed
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(item)

    check(to_plain(FULL))
    check(to_plain({"runs": (FULL, FULL), "nested": [(1, 2)]}))


def test_defaults_stand_in_for_what_is_left_out():
    assert from_plain(JobSpec, {"workload": {}, "setups": [{"device": "mps"}]}) == JobSpec(
        Workload(), (Setup(device="mps"),)
    )


def test_a_whole_number_is_welcome_where_a_float_is_meant():
    value = from_plain(Estimate, {"value": 2, "low": 1, "high": 3})
    assert [type(number) for number in dataclasses.astuple(value)] == [float] * 3


ESTIMATE = {"value": 1.0, "low": 1.0, "high": 1.0}
BLOCK = to_plain(Block(1, 5, 320, 0.0, 1.0, None))
TELEMETRY = to_plain(Telemetry(0.1))
JOB = {"workload": {}, "setups": [{}]}


@pytest.mark.parametrize(
    ("kind", "data", "where", "problem"),
    [
        (Estimate, [], "Estimate", "not an object"),
        (Estimate, None, "Estimate", "not an object"),
        (Estimate, {"value": 1.0, "low": 1.0}, "Estimate", "missing field 'high'"),
        (Estimate, {**ESTIMATE, "mean": 1}, "Estimate", "unknown field 'mean'"),
        (Estimate, {**ESTIMATE, "low": "1"}, "Estimate.low", "needs float, has str"),
        (Estimate, {**ESTIMATE, "low": None}, "Estimate.low", "needs float, has NoneType"),
        (Estimate, {**ESTIMATE, "low": True}, "Estimate.low", "needs float, has bool"),
        (Estimate, {**ESTIMATE, "low": math.nan}, "Estimate.low", "not a finite number"),
        (Estimate, {**ESTIMATE, "low": -math.inf}, "Estimate.low", "not a finite number"),
        (Estimate, {**ESTIMATE, "low": 10**400}, "Estimate.low", "not a finite number"),
        (Block, {**BLOCK, "loss": math.nan}, "Block.loss", "not a finite number"),
        (Block, {**BLOCK, "loss": "low"}, "Block.loss", "needs float, has str"),
        (Block, {**BLOCK, "steps": True}, "Block.steps", "needs int, has bool"),
        (Block, {**BLOCK, "steps": 5.0}, "Block.steps", "needs int, has float"),
        (Block, {**BLOCK, "steps": 10**400}, "Block.steps", "too large a number"),
        (Block, {**BLOCK, "steps": -(2**63)}, "Block.steps", "too large a number"),
        (Setup, {"device": 0}, "Setup.device", "needs str, has int"),
        (Setup, {"precision": "fp16"}, "Setup.precision", "not one of fp32, tf32, bf16"),
        (Setup, {"precision": ["fp32"]}, "Setup.precision", "not one of fp32, tf32, bf16"),
        (Caveat, {"code": "noisy", "grave": 1}, "Caveat.grave", "needs bool, has int"),
        (JobSpec, {**JOB, "setups": {}}, "JobSpec.setups", "not a list"),
        (JobSpec, {**JOB, "setups": [{}, 5]}, "JobSpec.setups[1]", "not an object"),
        (JobSpec, {**JOB, "setups": [{"threads": "2"}]}, "JobSpec.setups[0].threads", "needs int, has str"),
        (Telemetry, {**TELEMETRY, "gpu": [{"at_s": 0}]}, "Telemetry.gpu[0]", "missing field 'utilisation_pct'"),
        (Memory, {"host_peak_bytes": None}, "Memory", "missing field 'device_peak_bytes'"),
        (Note, {"code": "x", "facts": []}, "Note.facts", "not an object"),
        (Note, {"code": "x", "facts": {"a": [1]}}, "Note.facts.a", "a list isn't allowed here"),
        (Note, {"code": "x", "facts": {"a": math.inf}}, "Note.facts.a", "not a finite number"),
        (Note, {"code": "x", "facts": {1: "a"}}, "Note.facts", "needs str, has int"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(kind, data, where, problem):
    with pytest.raises(InputError) as refusal:
        from_plain(kind, data)
    assert refusal.value.code == "malformed_record"
    assert refusal.value.facts == {"where": where, "problem": problem}
    assert where in messages.sentence(refusal.value.code, refusal.value.facts)


def test_the_place_starts_where_the_caller_says():
    with pytest.raises(InputError) as refusal:
        from_plain(Setup, {"device": None}, "runs[3].spec.setup")
    assert refusal.value.facts["where"] == "runs[3].spec.setup.device"


@pytest.mark.parametrize(
    ("shape", "problem"),
    [([1, 28], "needs 3 items, has 2"), ([1, 28, 28.0], "needs int, has float"), ("abc", "not a list")],
)
def test_a_tuple_of_fixed_length_is_checked_item_by_item(shape, problem):
    document = to_plain(FULL)
    document["data"]["shape"] = shape
    with pytest.raises(InputError) as refusal:
        from_plain(RunResult, document)
    assert refusal.value.facts["problem"] == problem
    assert refusal.value.facts["where"].startswith("RunResult.data.shape")
