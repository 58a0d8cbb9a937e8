"""`sweep --cluster`, on machines that aren't there: which are used, what is measured where, what is lost."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest

from core.cli import elsewhere, sweep_away
from core.codec import to_plain
from core.errors import MeasurementError
from tests.cli.test_commands import press_ctrl_c_when
from tests.fake_targets import (
    BUSY,
    FakeTargets,
    cpu_target,
    gpu_target,
    placed,
    runs_of,
    surroundings,
)
from tests.fake_targets import results as last_event
from tests.sweeps import make_sweep_result

CPUS = ("--setup", "device=cpu,threads=1", "--setup", "device=cpu,threads=2")
QUICK = ("sweep", "--model", "mlp", *CPUS, "--cluster", "fake:6379", "--max-seconds", "300")
EQUAL = (cpu_target("node-a"), cpu_target("node-b"), cpu_target("node-c", "Other CPU"))
_LONG_S = 20


@pytest.fixture(autouse=True)
def _in_english(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture
def cluster(monkeypatch):
    def use(targets=EQUAL, script=None):
        found = FakeTargets(targets, script or swift)
        monkeypatch.setattr(elsewhere, "connect", lambda address: found)
        return found

    return use


def swift(spec, target):
    """A job whose blocks say that two threads are twice as fast."""
    yield placed(target)
    yield surroundings(target)
    yield {**last_event(spec, target), "runs": [to_plain(_swept(run)) for run in runs_of(spec, target)]}


def _swept(run):
    """The same run as a sweep's point: one that takes 1e-4 + 1e-6 * b seconds a step, shared by its threads."""
    size, setup = run.spec.workload.batch_size, run.spec.setup
    point = make_sweep_result(size, (1e-4 + 1e-6 * size) / (setup.threads or 1), setup)
    return dataclasses.replace(point, id=run.id, spec=run.spec, environment=run.environment, notes=run.notes)


def nodes(fake):
    return [target.node for _, _, target, _ in fake.sent]


def sizes(fake):
    return [spec.workload.batch_size for _, spec, _, _ in fake.sent]


def test_the_points_are_shared_out_among_equal_machines(crossover, cluster, tmp_path):
    fake, file = cluster(), tmp_path / "sweep.json"
    code, out, err = crossover(*QUICK, "--batch-sizes", "16..256", "--json", file)
    assert code == 0, err
    assert err[0] == "Measuring on 2 equal machines: Test CPU"
    assert err[1].startswith("Not used: Other CPU. It isn't equal to the machines that are used: ")
    assert set(nodes(fake)) <= {"node-a", "node-b"}
    assert set(sizes(fake)) >= {16, 32, 64, 128, 256}
    document = json.loads(file.read_text())
    assert document["complete"] is True
    assert {cell["batch_size"] for cell in document["cells"]} >= {16, 32, 64, 128, 256}
    assert [line.split()[0] for line in out if line[:2].strip().isdigit()]
    assert sum(line.startswith(("0/5", "1/5", "2/5", "3/5", "4/5")) for line in err) == 5
    assert fake.closed
    assert fake.open == ()


def test_a_machine_has_one_job_at_a_time_and_both_work_at_once(crossover, cluster):
    gate, lock, under_way, most = threading.Barrier(2), threading.Lock(), [], []

    def together(spec, target):
        with lock:
            assert target.node not in under_way
            under_way.append(target.node)
            most.append(len(under_way))
        if spec.workload.batch_size in (16, 32):  # the first of each machine
            gate.wait(_LONG_S)
        with lock:
            under_way.remove(target.node)
        yield from swift(spec, target)

    fake = cluster(script=together)
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,32,64")
    assert code == 0, err
    assert max(most) == 2
    assert set(nodes(fake)) == {"node-a", "node-b"}


def test_a_kind_may_be_named_and_what_isnt_there_is_refused(crossover, cluster):
    fake = cluster()
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64", "--kind", "Other CPU")
    assert code == 0
    assert err[0] == "Measuring on one machine, as no other equals it: Other CPU"
    assert err[1] == "Not used: Test CPU. It isn't of the kind Other CPU."
    assert set(nodes(fake)) == {"node-c"}
    fake = cluster()
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64", "--kind", "Abacus")
    assert code == 2
    assert err == ["error: No machine of this cluster is of the kind Abacus. Its kinds: Test CPU, Other CPU."]
    assert fake.sent == []
    assert fake.closed


def test_a_machine_that_is_lost_is_told_and_its_point_measured_elsewhere(crossover, cluster):
    def failing(spec, target):
        fake.wait_until_sent(2)
        if target.node == "node-b":
            yield placed(target)
            raise MeasurementError("node_lost", kind=target.kind)
        yield from swift(spec, target)

    fake = cluster(script=failing)
    code, _, err = crossover(*QUICK, "--batch-sizes", "16..128")
    (lost,) = [size for size, node in zip(sizes(fake), nodes(fake), strict=True) if node == "node-b"]
    assert code == 0
    assert any(
        line.startswith(f"A machine was lost while it measured mlp with batches of {lost}.") for line in err
    )
    assert sizes(fake).count(lost) == 2
    assert set(sizes(fake)) >= {16, 32, 64, 128}


def test_where_all_machines_are_lost_what_was_measured_stays(crossover, cluster, tmp_path):
    done, file = [], tmp_path / "sweep.json"

    def failing(spec, target):
        if len(done) == 2:
            raise MeasurementError("node_lost", kind=target.kind)
        done.append(spec)
        yield from swift(spec, target)

    cluster(EQUAL[2:], failing)
    code, out, err = crossover(*QUICK, "--batch-sizes", "16..128", "--json", file)
    assert code == 1
    assert err[-1].startswith("error: The machine (Other CPU) was lost")
    document = json.loads(file.read_text())
    assert (document["complete"], document["failure"]["code"]) == (False, "node_lost")
    assert len(document["runs"]) == 4
    assert any(line.startswith("16") for line in out)


def test_a_busy_machine_is_left_out_unless_it_is_waited_for(crossover, cluster):
    busy = dataclasses.replace(EQUAL[0], state="busy")
    fake = cluster((busy, EQUAL[1]))
    _, _, err = crossover(*QUICK, "--batch-sizes", "16,64")
    assert err[1] == "Not used: Test CPU. Somebody else is using it; `--wait SECONDS` would wait for it."
    assert set(nodes(fake)) == {"node-b"}

    def never_free(spec, target):
        if target.node == "node-a":
            yield BUSY
        yield from swift(spec, target)

    fake = cluster((busy, EQUAL[1]), never_free)
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64", "--wait", "5")
    assert code == 0
    assert err[0] == "Measuring on 2 equal machines: Test CPU"
    assert {wait_s for _, _, _, wait_s in fake.sent} == {5.0}


def test_whoever_cancels_a_job_ends_the_sweep(crossover, cluster, monkeypatch):
    def interrupted(spec, target):
        yield placed(target)
        if spec.workload.batch_size != 16:
            yield threading.Event()
        yield from swift(spec, target)

    fake = cluster(EQUAL[2:], interrupted)
    real = sweep_away._Jobs._wait_for

    def wait_for(self, job):
        if len(fake.sent) == 2:
            self._runner.cancel(job.id)
        real(self, job)

    monkeypatch.setattr(sweep_away._Jobs, "_wait_for", wait_for)
    code, out, _ = crossover(*QUICK, "--batch-sizes", "16,64")
    assert code == 130
    assert any(line.startswith("16") for line in out)
    assert fake.open == ()


def test_a_resumed_sweep_measures_only_what_is_missing(crossover, cluster, tmp_path):
    file = tmp_path / "sweep.json"
    cluster(EQUAL[2:])
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file)[0] == 0
    fake = cluster(EQUAL[2:])
    code, _, err = crossover(*QUICK, "--batch-sizes", "16..64", "--json", file, "--resume")
    assert code == 0, err
    assert sizes(fake)[0] == 32
    assert not set(sizes(fake)) & {16, 64}
    other = dataclasses.replace(EQUAL[0].machine, memory_bytes=2**30)
    fake = cluster([dataclasses.replace(EQUAL[2], machine=other)])
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64", "--json", file, "--resume")
    assert code == 0, err
    assert set(sizes(fake)) == {16, 64}
    assert any("measured on another machine or with other software" in line for line in err)


def test_ctrl_c_before_a_resumed_sweep_has_measured_leaves_its_file_as_it_is(crossover, cluster, tmp_path):
    """Until the first job tells where it is measured nobody knows whether those runs are of such a machine."""
    file = tmp_path / "sweep.json"
    cluster(EQUAL[2:])
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file)[0] == 0
    before = file.read_text()

    def waiting(spec, target):
        yield placed(target)
        yield threading.Event()

    fake = cluster(EQUAL, waiting)
    pressed = press_ctrl_c_when(lambda: len(fake.sent) == 2)
    code, _, err = crossover(*QUICK, "--batch-sizes", "16..64", "--json", file, "--resume")
    pressed.join()
    assert code == 130, err
    assert file.read_text() == before


def test_no_more_machines_are_used_than_can_be_followed(crossover, cluster, monkeypatch):
    monkeypatch.setattr(sweep_away, "MOST_AWAY", 1)
    fake = cluster()
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64")
    assert code == 0, err
    assert set(nodes(fake)) == {"node-a"}


def test_without_setups_a_machine_with_a_gpu_is_set_against_its_own_cpu(crossover, cluster):
    pair = [(cpu_target(node), gpu_target(node)) for node in ("node-g", "node-h")]
    fake = cluster((*EQUAL, *pair[0], *pair[1]))
    code, _, err = crossover("sweep", "--cluster", "fake:6379", "--batch-sizes", "16,64", "--max-seconds", "9")
    assert code == 0, err
    assert err[0] == "Measuring on 2 equal machines: NVIDIA Test GPU, Test CPU"
    assert {tuple(setup.device for setup in spec.setups) for _, spec, _, _ in fake.sent} == {("cpu", "cuda:0")}
    assert {target.device for _, _, target, _ in fake.sent} == {"cuda:0"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--kind", "Test CPU"), "--kind is about the machines of a cluster"),
        (("--wait", "5"), "--wait is about the machines of a cluster"),
        (("--cluster", "fake:6379", "--wait", "nan"), "wait"),
        (("--cluster", "fake:6379", "--device", "cuda:0"), "which needs cuda:0 on one machine"),
        (("--cluster", "fake:6379", "--batch-sizes", "0"), "batch_size"),
        (("--cluster", "fake:6379", "--setup", "device=cpu,threads=5000"), "threads"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, told, crossover, cluster):
    fake = cluster()
    code, out, err = crossover("sweep", *arguments)
    assert (code, out) == (2, [])
    assert len(err) == 1
    assert told in err[0]
    assert fake.sent == []


def test_without_ray_it_says_how_to_get_it(crossover, monkeypatch):
    def missing(address):
        raise MeasurementError("cluster_extra_missing")

    monkeypatch.setattr(elsewhere, "connect", missing)
    code, out, err = crossover(*QUICK)
    assert (code, out) == (2, [])
    assert "pip install -r requirements-cluster.txt" in err[0]
