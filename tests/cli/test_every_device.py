"""Measuring on every kind of device: of a cluster, results as they come, and of this machine."""

import dataclasses
import json
import shlex
import signal
import threading

import pytest

from core import paths
from core.cli import elsewhere
from core.errors import MeasurementError
from core.records import Device, Note, Setup
from core.runs.files import exchange
from core.runs.store import Store
from core.sharing.command import reproduce
from tests.builders import make_software
from tests.cli.test_commands import press_ctrl_c_when
from tests.fake_targets import (
    THREE,
    FakeTargets,
    busy,
    cpu_target,
    endless,
    gpu_target,
    measured,
    other_machine,
    results,
    started,
)

CPU, OTHER, GPU = THREE
UNFIT = dataclasses.replace(OTHER, state="unfit", problem=Note("node_other_version"))
EVERY = ("run", "--cluster", "there:6379", "--every-device")


@pytest.fixture
def cluster(monkeypatch):
    """The cluster that answers at any address."""
    targets = FakeTargets()
    monkeypatch.setattr(elsewhere, "connect", lambda address: targets)
    return targets


def saved(file):
    return json.loads(file.read_text())


def devices(cluster):
    return {target.node: [setup.device for setup in spec.setups] for _, spec, target, _ in cluster.sent}


# --- every kind


def test_every_kind_is_measured_and_compared_with_the_first(crossover, cluster, tmp_path):
    code, out, err = crossover(*EVERY, "--json", tmp_path / "out.json")
    assert (code, err) == (0, [])
    assert devices(cluster) == {"node-a": ["cpu"], "node-b": ["cpu"], "node-g": ["cuda:0"]}
    told = sorted(line.split(":")[0] for line in out[:3])  # as they come
    assert told == ["NVIDIA Test GPU", "Other CPU", "Test CPU"]
    assert all(line.endswith("images/s") for line in out[:3])
    table = out[3:7]
    assert [line.split("  ")[0] for line in table] == ["Setup", "CPU · Test", "CPU · Other", "GPU Test GPU"]
    assert any(line.startswith("GPU Test GPU trains this 4") for line in out)
    assert "CPU · Test and CPU · Other differ in:" in out
    assert any(line.startswith("! The CPU: Test CPU and Other CPU.") for line in out)
    document = saved(tmp_path / "out.json")
    assert [run["spec"]["setup"]["device"] for run in document["runs"]] == ["cpu", "cpu", "cuda:0"]
    assert [pair["baseline"] for pair in document["comparisons"]] == [document["runs"][0]["id"]] * 2
    assert cluster.closed
    store = Store(paths.database_url())
    assert len(store.history()) == 3
    store.close()


def test_other_software_is_flagged(crossover, cluster):
    def script(spec, target):
        yield from started(spec, target, blocks=0)
        event = results(spec, target)
        if target is OTHER:
            event["runs"][0]["environment"]["software"] |= {"torch": "2.9.0"}
        yield event

    cluster.script = script
    code, out, _ = crossover(*EVERY)
    assert code == 0
    assert (
        f"! torch: {make_software().torch} and 2.9.0. The software differs, which can change speed by itself."
        in out
    )
    assert any("torch 2.13.0 / 2.9.0" in line for line in out), "as a doubt about the ratio, too"


def test_setups_go_to_the_devices_that_they_are_for(crossover, cluster):
    asked = (
        "--setup",
        "device=cpu,threads=2",
        "--setup",
        "device=cuda:0,precision=bf16",
        "--setup",
        "device=cuda:0",
    )
    assert crossover(*EVERY, *asked)[0] == 0
    sent = {target.node: spec.setups for _, spec, target, _ in cluster.sent}
    assert sent["node-b"] == (Setup(threads=2),)
    assert sent["node-g"] == (Setup("cuda:0", "bf16"), Setup("cuda:0"))


def test_a_kind_that_none_of_the_setups_is_for_says_so(crossover, cluster):
    code, out, err = crossover(*EVERY, "--setup", "device=cuda:0,precision=tf32")
    assert (code, len(err)) == (1, 2)
    assert err[0] == "error: Test CPU: None of the setups that were asked for can be measured on Test CPU."
    assert any(line.startswith("NVIDIA Test GPU: ") for line in out)


def test_a_kind_is_measured_on_a_machine_that_has_nothing_else_to_do(crossover, cluster):
    cluster._targets = (cpu_target("a"), gpu_target("a"), gpu_target("b"))
    assert crossover(*EVERY)[0] == 0
    assert devices(cluster) == {"a": ["cpu"], "b": ["cuda:0"]}


def test_all_machines_of_a_kind_are_measured_if_wanted(crossover, cluster):
    cluster._targets = (
        cpu_target("a"),
        cpu_target("b"),
        dataclasses.replace(UNFIT, kind="Test CPU", machine=None),
    )
    code, out, err = crossover(*EVERY, "--all-machines")
    assert code == 1, "one of them can't"
    assert err == ["error: Test CPU (3): " + err[0].partition(": ")[2].partition(": ")[2]]
    assert sorted(line.split(":")[0] for line in out[:2]) == ["Test CPU (1)", "Test CPU (2)"]
    assert [line.split("  ")[0] for line in out[3:5]] == ["CPU (1)", "CPU (2)"]
    cluster.sent.clear()
    assert crossover(*EVERY)[0] == 0
    assert len(cluster.sent) == 1


def test_more_machines_than_a_server_remembers_are_all_told(crossover, cluster):
    cluster._targets = tuple(cpu_target(f"node-{number}") for number in range(40))
    cluster.script = lambda spec, target: [MeasurementError("node_lost", kind=target.kind)]
    code, out, err = crossover(*EVERY, "--all-machines")
    assert (code, out, len(err)) == (1, [], 40)
    assert all("was lost" in line for line in err)


# --- a kind by its name


def test_a_kind_that_results_name_is_found_where_machines_of_that_name_differ(crossover, cluster):
    cluster._targets = (
        cpu_target("a", "rack"),
        cpu_target("b", "rack", machine=other_machine()),
        cpu_target("c", "Other CPU"),
    )
    code, out, _ = crossover("devices", "--cluster", "there:6379")
    names = [line.split("  ")[0] for line in out[1:]]
    assert (code, names) == (0, ["rack / Test CPU", "rack / Other CPU", "Other CPU"])
    assert crossover("run", "--cluster", "there:6379", "--kind", names[1])[0] == 0
    assert list(devices(cluster)) == ["b"]
    cluster.sent.clear()
    assert crossover("run", "--cluster", "there:6379", "--kind", "rack")[0] == 0
    assert list(devices(cluster)) == ["a", "b"]


def test_the_command_beside_a_clusters_results_measures_the_same(crossover, cluster, tmp_path):
    cluster._targets = (
        cpu_target("a", "rack"),
        cpu_target("b", "rack", machine=other_machine()),
        gpu_target("g", "H200"),
    )
    setups = ("--setup", "device=cpu,threads=2", "--setup", "device=cuda:0,precision=bf16")
    asked = ("--model", "cnn", "--epochs", "2", "--learning-rate", "0.05", "--max-seconds", "7", *setups)
    file = tmp_path / "out.json"
    assert crossover(*EVERY, *asked, "--json", file)[0] == 0
    first = {(target.node, spec.workload, spec.setups) for _, spec, target, _ in cluster.sent}
    cluster.sent.clear()
    (line,) = reproduce(exchange.read_document(saved(file)), max_seconds=7)
    words = ["there:6379" if word == "ADDRESS" else word for word in shlex.split(line)]
    assert words[:4] == ["python", "-m", "core", "run"]
    assert crossover(*words[3:])[0] == 0
    assert {(target.node, spec.workload, spec.setups) for _, spec, target, _ in cluster.sent} == first
    assert {spec.max_seconds for _, spec, _, _ in cluster.sent} == {7}


def test_one_kind_alone(crossover, cluster, tmp_path):
    code, out, err = crossover(
        "run", "--cluster", "there:6379", "--kind", "Other CPU", "--wait", "7", "--json", tmp_path / "out.json"
    )
    assert (code, err) == (0, [])
    assert [(target.node, wait_s) for _, _, target, wait_s in cluster.sent] == [("node-b", 7.0)]
    assert out[0].startswith("Other CPU: ")
    document = saved(tmp_path / "out.json")
    assert (len(document["runs"]), document["comparisons"]) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--cluster", "there:1", "--kind", "H100"],
            "the kind H100. Its kinds: Test CPU, Other CPU, NVIDIA Test GPU.",
        ),
        (["--cluster", "there:1"], "--kind and one of Test CPU, Other CPU, NVIDIA Test GPU."),
        (["--kind", "H100"], "--kind is about the machines of a cluster"),
        (["--wait", "5"], "--wait is about"),
        (["--all-machines", "--device", "cpu"], "--all-machines is about"),
        (["--cluster", "there:1", "--every-device", "--wait", "nan"], "wait must be from 0"),
        (["--cluster", "there:1", "--every-device", "--wait", "-1"], "wait must be from 0"),
        (["--cluster", "there:1", "--every-device", "--batch-size", "0"], "batch_size must be from 1"),
        (["--cluster", "there:1", "--every-device", "--setup", "colour=red"], "colour"),
    ],
)
def test_what_cant_be_asked_is_answered_in_one_line(arguments, told, crossover, cluster):
    code, out, err = crossover("run", *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert told in err[0]
    assert cluster.sent == []


def test_a_cluster_without_machines_says_so(crossover, cluster):
    cluster._targets = ()
    code, _, err = crossover(*EVERY)
    assert (code, len(err)) == (2, 1)
    assert "no machine" in err[0]


@pytest.mark.parametrize(("problem", "code"), [("cluster_extra_missing", 2), ("cluster_lost", 1)])
@pytest.mark.parametrize("arguments", [EVERY, ("devices", "--cluster", "there:6379")])
def test_without_ray_or_a_cluster_there_is_one_line(arguments, problem, code, crossover, monkeypatch):
    def connect(address):
        raise MeasurementError(problem)

    monkeypatch.setattr(elsewhere, "connect", connect)
    found, out, err = crossover(*arguments)
    assert (found, out, len(err)) == (code, [], 1)
    if problem == "cluster_extra_missing":
        assert "requirements-cluster.txt" in err[0]


# --- bad luck


def test_a_busy_and_a_lost_machine_leave_the_others_results_standing(crossover, cluster, tmp_path):
    def script(spec, target):
        if target is CPU:
            yield from busy(spec, target)
        elif target is OTHER:
            yield from started(spec, target)
            yield MeasurementError("node_lost", kind=target.kind)
        else:
            yield from measured(spec, target)

    cluster.script = script
    code, _, err = crossover(*EVERY, "--wait", "0", "--json", tmp_path / "out.json")
    assert code == 1
    assert sorted(line.split(":")[1].strip() for line in err) == ["Other CPU", "Test CPU"]
    assert any("reserved by somebody else" in line for line in err)
    runs = saved(tmp_path / "out.json")["runs"]
    assert [(run["status"], len(run["blocks"])) for run in runs] == [
        ("failed", 0),
        ("failed", 2),
        ("finished", 16),
    ]
    assert [pair["baseline"] for pair in saved(tmp_path / "out.json")["comparisons"]] == [runs[1]["id"]] * 2


def test_a_kind_without_a_fit_machine_says_why_and_the_others_are_measured(crossover, cluster):
    cluster._targets = (CPU, UNFIT)
    code, out, err = crossover(*EVERY)
    assert (code, len(err)) == (1, 1)
    assert err[0].startswith("error: Other CPU: ")
    assert out[0].startswith("Test CPU: ")


def test_what_is_wrong_with_the_question_everywhere_is_bad_input(crossover, cluster):
    note = Note("unknown_model", {"model": "nosuch", "near": "mlp"})

    def script(spec, target):
        yield from started(spec, target, blocks=0)
        yield results(spec, target, note, blocks=(), status="failed", failure=note)

    cluster.script = script
    code, out, err = crossover(*EVERY, "--model", "nosuch")
    assert (code, out) == (2, [])
    assert "nosuch" in err[-1]


def test_ctrl_c_cancels_all_and_keeps_what_finished(crossover, cluster, tmp_path):
    def script(spec, target):
        yield from measured(spec, target) if target is GPU else endless(spec, target)

    def all_but_two():
        return len(cluster.sent) == 3 and len(cluster.open) == 2

    cluster.script = script
    pressed = press_ctrl_c_when(all_but_two)
    code, out, _ = crossover(*EVERY, "--json", tmp_path / "out.json")
    pressed.join()
    assert code == 130
    statuses = [run["status"] for run in saved(tmp_path / "out.json")["runs"]]
    assert statuses[-1] == "finished"
    assert set(statuses[:-1]) <= {"cancelled"}
    assert any(line.startswith("NVIDIA Test GPU: ") for line in out)
    assert cluster.open == ()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_both_are_measured_at_once(crossover, cluster):
    met = threading.Barrier(3)

    def script(spec, target):
        met.wait(60)
        yield from measured(spec, target)

    cluster.script = script
    assert crossover(*EVERY)[0] == 0


# --- this machine, and lists


def test_every_device_of_this_machine_takes_turns_in_one_job(crossover, servers, monkeypatch, tmp_path):
    both = (Device("cpu", "Test CPU"), Device("cuda:0", "Test GPU"))
    monkeypatch.setattr("core.cli.run.known_devices", lambda runner: both)
    asked = ("--setup", "precision=bf16", "--setup", "fused=true")
    code, _, err = crossover(
        "run", "--every-device", *asked, "--model", "quick", "--json", tmp_path / "out.json"
    )
    assert (code, err) == (0, [])
    runs = saved(tmp_path / "out.json")["runs"]
    assert len({run["job_id"] for run in runs}) == 1
    said = [(run["spec"]["setup"]["device"], run["spec"]["setup"]["precision"]) for run in runs]
    assert said == [("cpu", "bf16"), ("cpu", "fp32"), ("cuda:0", "bf16"), ("cuda:0", "fp32")]


def test_the_kinds_of_a_cluster_are_listed(crossover, cluster):
    cluster._targets = (CPU, UNFIT, dataclasses.replace(GPU, count=4, state="busy"))
    code, out, err = crossover("devices", "--cluster", "there:6379")
    assert (code, err) == (0, [])
    assert [line.split("  ")[0] for line in out[:4]] == ["Kind", "Test CPU", "Other CPU", "NVIDIA Test GPU"]
    assert [word in line for line, word in zip(out[1:], ("free", "can't measure", "in use"), strict=False)] == [
        True
    ] * 3
    assert "4 × cuda" in out[3]
    assert "16 cores, 64 GiB" in out[1]
    assert out[4].startswith("✗ Other CPU: ")
    code, out, _ = crossover("devices", "--cluster", "there:6379", "--json")
    found = json.loads("\n".join(out))["kinds"]
    assert [(kind["name"], kind["state"]) for kind in found][1] == ("Other CPU", "unfit")
    assert found[2]["targets"][0]["count"] == 4
