"""Measuring on the nodes of a real Ray cluster, and what is left there when a job ends, however it ends.

One file, because starting a cluster takes longer than most of these tests.
"""

from __future__ import annotations

import json
import os
import threading

import psutil
import pytest

from core.cli import main
from core.cluster import code
from core.codec import from_plain
from core.errors import MeasurementError
from core.hardware.environment import git_revision
from core.messages import sentence
from core.records import JobSpec, Note, RunResult, Setup, Workload
from core.runs.elsewhere.cluster import Cluster
from tests import ray_cluster as clusters
from tests.cluster.conftest import PATIENT
from tests.jobs.children import PATIENCE_S, until

QUICK = JobSpec(Workload("mlp", "digits", epochs=1), (Setup(threads=1),), max_seconds=0.5, rough=True)
LONG = JobSpec(Workload("mlp", "digits", epochs=1000), (Setup(threads=1),), max_seconds=600.0)


@pytest.fixture(scope="module")
def found(shared):
    """Its targets by kind; of the head, that is what its processor is called."""
    return {target.kind: target for target in shared.targets()}


@pytest.fixture(scope="module")
def promising(ray_cluster, shared):
    """The targets of a fourth node, by device: it promises a GPU that it hasn't."""
    known = {target.node for target in shared.targets()}
    ray_cluster.add("A100", **clusters.NO_GPU)

    def told():  # Ray says only after a moment what a new node has free
        new = {target.device: target for target in shared.targets() if target.node not in known}
        return new if new and new["cpu"].state == "free" else None

    return until(told)


def state(cluster, target):
    return next(item.state for item in cluster.targets() if item.id == target.id)


def measuring(events):
    """What a job tells until it is measuring."""
    told = []
    for event in events:
        told.append(event)
        if event["type"] == "block":
            return told
    raise AssertionError(f"it never measured: {[event['type'] for event in told]}")


def nothing_is_left(ray_cluster):
    while left := processes(ray_cluster):  # a job that is ended may begin to make itself ready for another
        _, alive = psutil.wait_procs(left, timeout=PATIENCE_S)
        assert not alive


def processes(ray_cluster):
    """The measuring processes on the cluster's nodes."""
    found = []
    for process in psutil.process_iter():
        try:
            measures = process.cmdline()[-2:] == ["-m", "core.measure"]
            if measures and process.environ().get("TMPDIR") == ray_cluster.folder:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_every_kind_is_found_and_measured(ray_cluster, shared, found):
    targets = found.values()
    assert len(targets) == 3
    assert len({item.node for item in targets}) == 3
    assert {item.kind for item in targets} >= {"small", "large"}
    assert all((item.device, item.state, item.problem) == ("cpu", "free", None) for item in targets)
    assert all(dict(item.packages).keys() == {"torch", "torchvision", "numpy"} for item in targets)
    assert {item.machine.cpu.model for item in targets} >= {
        item.kind for item in targets if item.kind not in ("small", "large")
    }

    told = {}
    threads = [
        threading.Thread(target=lambda at=at: told.update({at.kind: list(shared.submit(at.kind, QUICK, at))}))
        for at in targets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.keys() == {item.kind for item in targets}
    for kind, events in told.items():
        kinds = [event["type"] for event in events]
        assert kinds[0] == "placed"
        assert kinds[-1] == "results"
        assert {"surroundings", "telemetry", "setup", "warm", "block", "run_end"} <= set(kinds)
        assert kinds.index("surroundings") < kinds.index("setup")
        assert events[-1]["failure"] is None
        (run,) = (from_plain(RunResult, item) for item in events[-1]["runs"])
        assert (run.id, run.job_id, run.threads) == (f"{kind}-0", kind, 1)
        assert run.blocks
        assert run.telemetry.cpu
        assert run.notes[-1].facts == {"kind": kind, "ray": shared.ray}
        assert run.environment.machine.git_revision == git_revision(code.ROOT)
        assert "OMP_NUM_THREADS" not in dict(run.environment.machine.variables)
        kept = json.dumps(events[-1])
        assert clusters.LOOPBACK not in kept
        assert events[0]["node"] not in kept
    nothing_is_left(ray_cluster)


def test_a_cancel_frees_the_machine_for_who_waits(ray_cluster, shared, found):
    large = found["large"]  # it offers two processors, and both are the job's
    second = Cluster(ray_cluster.client_address, PATIENT)  # as from a machine that isn't one of its nodes
    try:
        first = shared.submit("first", LONG, large)
        measuring(first)
        (process,) = processes(ray_cluster)
        assert "working_dir_files" in process.cwd()
        assert process.nice() == psutil.Process().nice() or os.getuid() != 0
        assert state(shared, large) == "busy"
        with pytest.raises(MeasurementError) as problem:
            list(second.submit("second", QUICK, large, wait_s=0.3))
        assert problem.value.facts == {"kind": "large", "seconds": 0}
        third = second.submit("third", LONG, large)
        shared.cancel("first")
        *_, last = first
        assert last["type"] == "results"
        assert last["runs"][0]["status"] == "cancelled"
        assert last["runs"][0]["blocks"]
        measuring(third)
        assert not process.is_running()
        second._process.kill()  # and with the second user's driver goes what it has started
        with pytest.raises(MeasurementError, match="cluster_driver_died"):
            list(third)
    finally:
        second.close()
    nothing_is_left(ray_cluster)
    until(lambda: state(shared, large) == "free")


def test_a_sweep_is_spread_over_equal_nodes(ray_cluster, promising, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("CROSSOVER_DATA_DIR", str(tmp_path))
    file = tmp_path / "sweep.json"
    alike = promising["cpu"].kind  # which the head is, too
    asked = ("--kind", alike, "--device", "cpu", "--batch-sizes", "32,64", "--max-seconds", "120")
    assert main(["sweep", "--cluster", ray_cluster.address, *asked, "--json", str(file)]) == 0, (
        capsys.readouterr()
    )
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"Measuring on 2 equal machines: {alike}"
    assert sum(f"It isn't of the kind {alike}." in line for line in told) == 2
    assert sum(line.startswith("0/2 mlp ") for line in told) == 2  # both begun before one was over
    document = json.loads(file.read_text())
    assert document["complete"] is True
    assert [(cell["batch_size"], cell["state"]) for cell in document["cells"]] == [
        (32, "measured"),
        (64, "measured"),
    ]
    assert {note["code"] for run in document["runs"] for note in run["notes"]} >= {"through_ray"}


def test_a_lost_node_ends_its_job_alone(ray_cluster, shared, found, promising):
    assert (promising["cuda:0"].kind, promising["cuda:0"].state) == ("A100", "unfit")
    assert promising["cuda:0"].problem.code == "gpu_not_there"
    on_its_cpu = promising["cpu"]
    lost = shared.submit("lost", LONG, on_its_cpu)
    measuring(lost)
    other = shared.submit("other", LONG, found["large"])
    assert next(other)["type"] == "placed"
    ray_cluster.kill("A100")
    with pytest.raises(MeasurementError) as problem:
        list(lost)
    assert problem.value.note == Note("node_lost", {"kind": on_its_cpu.kind})
    with pytest.raises(MeasurementError, match="target_gone"):
        list(shared.submit("late", QUICK, on_its_cpu))
    assert on_its_cpu.node not in {item.node for item in shared.targets()}

    measuring(other)
    (process,) = processes(ray_cluster)
    process.parent().kill()
    with pytest.raises(MeasurementError, match="node_process_lost"):
        list(other)
    nothing_is_left(ray_cluster)


def test_another_port_of_ray(ray_cluster):
    node = ray_cluster.nodes["small"]
    with pytest.raises(MeasurementError) as problem:
        Cluster(f"127.0.0.1:{node.node_manager_port}")
    assert problem.value.code == "cluster_not_ray"


def test_another_version_of_ray(ray_cluster):
    with pytest.raises(MeasurementError) as problem:
        Cluster(ray_cluster.address, clusters.patched("import ray; ray.__version__ = '1.0.0'"))
    assert problem.value.code == "cluster_versions_differ"
    assert problem.value.facts["ours_ray"] == "1.0.0"
    assert problem.value.facts["theirs_ray"] > "2"
    assert sentence(problem.value.code, problem.value.facts)


def test_a_lost_head_ends_everything(ray_cluster, shared, found):
    """The last one, as nothing works there afterwards."""
    told = shared.submit("job", LONG, found["large"])
    measuring(told)
    ray_cluster.kill("head")
    with pytest.raises(MeasurementError, match="cluster_lost"):
        list(told)
    assert shared.problem.code == "cluster_lost"
    nothing_is_left(ray_cluster)
