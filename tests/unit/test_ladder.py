"""The ladder: planned rung by rung, named by what a setup does, put in order, judged by proven work only."""

import dataclasses

import pytest

from core.analysis import ladder
from core.analysis.ladder import NAMES, Rung
from core.records import JobSpec, Note, Setup, Workload
from core.runs.admission import check
from tests.builders import make_blocks, make_gpu_result, make_machine, make_result
from tests.ladders import make_climb

WORK = Workload()


def plan(device="cpu", convolutions=False, work=WORK):
    return {rung.name: rung for rung in ladder.first_plan(work, device, 8, convolutions, make_machine())}


def measured(setup, step_s, job_id="job-1", start_s=10.0, **changes):
    made = make_result if setup.device == "cpu" else make_gpu_result
    spec = dataclasses.replace(make_result().spec, setup=setup)
    blocks = make_blocks(step_s, start_s=start_s)
    return made(**{"id": f"{job_id}-{setup}", "job_id": job_id, "spec": spec, "blocks": blocks, **changes})


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "mps"])
@pytest.mark.parametrize("convolutions", [False, True])
@pytest.mark.parametrize("task", ["train", "classify"])
def test_whatever_is_planned_may_be_asked_for_and_is_named_as_planned(device, convolutions, task):
    work = dataclasses.replace(WORK, task=task)
    first = ladder.first_plan(work, device, 1, convolutions, make_machine())
    bests = [rung.setup for rung in first if rung.reason is None]
    seconds = [ladder.second_plan(work, setup, ("fp32", "bf16")) for setup in bests]
    for rung in (*first, *(rung for second in seconds for rung in second)):
        if rung.reason is None:
            check(JobSpec(work, (rung.setup,)))
            assert ladder.rung_of(rung.setup) == rung.name
        else:
            assert rung.result is None


def test_each_rung_stands_on_the_one_before():
    rungs = plan(convolutions=True)
    assert rungs["loader"].setup == Setup(threads=8, data_path="loader")  # the article's: torch's own threads
    assert rungs["resident"].setup == Setup(threads=8)
    assert rungs["threads"].setup == Setup(flush_denormals=True)  # the best of a search
    assert rungs["channels_last"].setup == dataclasses.replace(rungs["fused"].setup, channels_last=True)
    assert rungs["keep_pages"].setup == dataclasses.replace(rungs["channels_last"].setup, keep_pages=True)
    assert rungs["mkl_fast"].setup == dataclasses.replace(rungs["keep_pages"].setup, products="mkl_fast")
    assert rungs["bound"].setup == dataclasses.replace(rungs["mkl_fast"].setup, bind_threads=True)


@pytest.mark.parametrize(
    ("device", "name", "reason"),
    [
        ("cpu", "channels_last", Note("no_convolutions")),
        ("cuda:0", "threads", Note("only_on_cpu")),
        ("cuda:0", "onednn", Note("only_on_cpu")),
        ("cuda:0", "mkl_fast", Note("only_on_cpu")),
        ("cpu", "mkl_fast", None),
    ],
)
def test_a_rung_that_isnt_for_a_device_is_listed_with_its_reason(device, name, reason):
    assert plan(device)[name].reason == reason


def test_the_second_plan_lists_what_a_device_lacks():
    rungs = ladder.second_plan(WORK, Setup(products="onednn"), ("bf16",))
    reasons = {(rung.name, rung.setup.precision): rung.reason for rung in rungs}
    assert reasons["tf32", "tf32"] == Note("precision_unavailable", {"precision": "tf32"})
    assert reasons["bf16", "bf16"] is None
    assert reasons["graph", "fp32"] == Note("only_on_cuda")
    assert reasons["compiled", "bf16"] is None
    assert ("compiled_steps", "fp32") not in reasons  # which the third plan decides on
    assert all(rung.setup.products == "default" for rung in rungs)  # oneDNN's own way is for eager fp32
    assert [NAMES.index(rung.name) for rung in rungs] == sorted(NAMES.index(rung.name) for rung in rungs)


def test_on_cuda_graphs_come_with_and_without_compilation():
    rungs = ladder.second_plan(WORK, Setup("cuda:0"), ("tf32", "bf16"))
    graphs = {(rung.setup.step, rung.name) for rung in rungs if "graph" in rung.setup.step}
    assert graphs == {(step, name) for step in ("graph", "compiled_graph") for name in ("graph", "graph_steps")}
    assert all(rung.reason is None for rung in rungs)
    compiled = [
        (rung.setup.precision, rung.setup.steps_per_call) for rung in rungs if rung.setup.step == "compiled"
    ]
    assert sorted(compiled) == [("bf16", 4), ("fp32", 1), ("fp32", 4), ("tf32", 4)]


LOADER, RESIDENT = Setup(threads=8, data_path="loader"), Setup(threads=8)


def test_results_find_their_rungs_and_failures_are_reasons():
    rungs = tuple(plan().values())
    failed = measured(Setup(flush_denormals=True), 0.1, status="failed", failure=Note("out_of_memory"))
    failed = dataclasses.replace(failed, blocks=())
    late = dataclasses.replace(measured(rungs[0].setup, 0.1), blocks=())
    results = (measured(LOADER, 0.4), measured(RESIDENT, 0.2, start_s=1012.0), failed, late)
    done = {rung.name: rung for rung in ladder.measured(rungs, results)}
    assert done["resident"].baseline == done["loader"].result == results[0]
    assert done["threads"].reason == Note("out_of_memory")
    assert done["transforms"].reason == Note("not_reached")
    assert done["fused"] == plan()["fused"]  # not asked for
    assert done["loader"].against_loader is None
    assert done["resident"].against_loader.speedup.value == pytest.approx(2, rel=0.02)
    assert ladder.rate(done["loader"]) == pytest.approx(64 / 0.4, rel=0.02)
    assert ladder.rate(done["threads"]) is None


def test_the_best_is_the_fastest_whose_work_was_the_same():
    loader, resident = measured(LOADER, 0.4), measured(RESIDENT, 0.2, start_s=1012.0)
    other = measured(Setup(fused=True), 0.05, start_s=2014.0, first_losses=tuple(9.0 for _ in range(66)))
    half = measured(Setup(threads=8, precision="bf16"), 0.1, start_s=3016.0)
    found = ladder.ladder(
        "cpu",
        [
            Rung(ladder.rung_of(run.spec.setup), run.spec.setup, run, loader)
            for run in (other, half, resident, loader)
        ],
    )
    assert [rung.name for rung in found.rungs] == ["loader", "resident", "fused", "bf16"]
    assert ladder.best(found).name == "bf16"
    assert ladder.best(found, "fp32").name == "resident"  # the faster one did other work
    assert ladder.best(found, "tf32") is None
    assert ladder.best(ladder.ladder("cpu", [Rung("loader", LOADER)])) is None


def test_the_base_is_the_highest_of_those_that_cant_be_told_from_the_fastest():
    def uneven(run, *factors):
        blocks = tuple(
            dataclasses.replace(block, duration_s=block.duration_s * factors[place % len(factors)])
            for place, block in enumerate(run.blocks)
        )
        return dataclasses.replace(run, blocks=blocks)

    loader = measured(LOADER, 0.4)
    fast = uneven(measured(RESIDENT, 0.2, start_s=1012.0), 0.9, 1.0, 1.1)
    tied = measured(Setup(fused=True), 0.201, start_s=2014.0)
    slower = measured(Setup(keep_pages=True), 0.3, start_s=3016.0)
    rungs = [
        Rung(ladder.rung_of(run.spec.setup), run.spec.setup, run, loader)
        for run in (loader, fast, tied, slower)
    ]
    found = ladder.ladder("cpu", rungs)
    assert ladder.base(found, "fp32").name == "fused"
    assert ladder.base(found, "bf16") is None
    clear = [rungs[0], Rung("resident", RESIDENT, measured(RESIDENT, 0.15, start_s=1012.0), loader), *rungs[2:]]
    assert ladder.base(ladder.ladder("cpu", clear), "fp32").name == "resident"


def test_a_later_measurement_takes_the_place_of_an_earlier_one():
    early, late = measured(LOADER, 0.4), measured(LOADER, 0.3, job_id="job-2")
    rungs = [Rung("loader", LOADER, early, early), Rung("loader", LOADER, late, late), Rung("loader", LOADER)]
    assert ladder.ladder("cpu", rungs).rungs == (rungs[1],)


def test_stored_runs_of_several_jobs_and_devices_become_ladders():
    runs = [
        measured(LOADER, 0.4),
        measured(RESIDENT, 0.2, start_s=1012.0),
        measured(LOADER, 0.5, job_id="job-2", created_at="2026-11-21T10:00:00+00:00"),
        measured(Setup("cuda:0", data_path="loader"), 0.1, job_id="job-3"),
        measured(Setup("cuda:0", step="graph"), 0.01, job_id="job-3", start_s=30.0),
        measured(Setup(fused=True), 0.2, job_id="job-4"),  # without the article's loop in its job
    ]
    cpu, gpu = ladder.from_results(runs)
    assert (cpu.device, gpu.device) == ("cpu", "cuda:0")
    assert [(rung.name, rung.result.job_id) for rung in cpu.rungs] == [
        ("loader", "job-2"),
        ("resident", "job-1"),
    ]
    assert [rung.name for rung in gpu.rungs] == ["loader", "graph"]
    assert gpu.rungs[1].against_loader.speedup.value == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("change", [{"synchronous": True}, {"pinned": True}])
def test_what_the_sequence_page_sets_against_the_loop_is_no_rung(change):
    climb = make_climb("cuda:0")
    opposite = dataclasses.replace(climb[0], id="opposite", created_at="2026-11-29T10:00:00+00:00")
    setup = dataclasses.replace(opposite.spec.setup, **change)
    opposite = dataclasses.replace(opposite, spec=dataclasses.replace(opposite.spec, setup=setup))
    assert not ladder.on_ladder(setup)
    [with_it], [without] = ladder.from_results((*climb, opposite)), ladder.from_results(climb)
    assert [rung.result.id for rung in with_it.rungs] == [rung.result.id for rung in without.rungs]
