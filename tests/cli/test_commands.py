"""Commands in this process: what they refuse, what they print and with which exit code they end."""

import json
import os
import signal
import threading

import pytest

from core import offers, paths
from core.cli import engine
from core.records import SCHEMA_VERSION, Device, Workload
from core.runs.files import recordings
from core.runs.queue.worker import Worker
from core.runs.store import Store
from tests.jobs.children import until
from tests.jobs.fake_worker import BLOCKS

TWO = ("--setup", "device=cpu,threads=1", "--setup", "device=cpu,data_path=loader,threads=1")


# --- bad input: exit code 2 and one line that says what to do


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["run", "--batch-size", "many"], "many"),
        (["run", "--batch-size", "64.5"], "64.5"),
        (["run", "--batch-size", "0"], "batch_size must be from 1"),
        (["run", "--batch-size", "99999999999999999999"], "batch_size must be from 1"),
        (["run", "--epochs", "0"], "epochs must be from 1"),
        (["run", "--seed", "-1"], "seed must be from 0"),
        (["run", "--learning-rate", "nan"], "learning_rate must be above 0"),
        (["run", "--learning-rate", "inf"], "learning_rate must be from"),
        (["run", "--max-seconds", "0"], "max_seconds must be from 0.1"),
        (["run", "--max-seconds", "nan"], "max_seconds must be from 0.1"),
        (["run", "--target", "0"], "target_pct must be from 0.1"),
        (["run", "--task", "dream"], "dream"),
        (["run", "--model", "../mlp"], "small letters"),
        (["run", "--dataset", "imagenet"], "digits"),
        (["run", "--device", "gpu"], "cuda:0"),
        (["run", "--device", ""], "no value"),
        (["run", "--setup", "nonsense"], "no value"),
        (["run", "--setup", "device=cpu,threads=two"], "needs int"),
        (["run", "--setup", "device=cpu,device=mps"], "said twice"),
        (["run", "--setup", "device=cpu,colour=red"], "colour"),
        (["run", "--setup", "precision=fp16"], "fp32, tf32, bf16"),
        (["run", "--setup", "threads=0"], "threads must be from 1"),
        (["run", "--device", "cpu", "--device", "cpu"], "the same"),
        (["run", *[part for i in range(21) for part in ("--device", f"cuda:{i}")]], "1 to 20"),
        (["run", "--device", "cpu", "--json", "/no/such/folder/out.json"], "no folder /no/such/folder"),
        (["run", "--device", "cpu", "--model", "refused"], "smaller batch"),
        (["run", "--colour"], "--colour"),
        (["record"], "--out"),
        (["record", "--out", "/no/such/folder"], "/no/such/folder"),
        (["record", "--out", ".", "--minutes", "long"], "long"),
        (["record", "--out", ".", "--minutes", "nan"], "minutes must be from"),
        (["record", "--out", ".", "--minutes", "inf"], "minutes must be from"),
        (["record", "--out", ".", "--minutes", "0"], "minutes must be from"),
        (["run", "--device", "cpu", "--json", "."], "directory"),
        (["run", "--device", "cpu", "--trace", "."], "directory"),
        (["devices", "--xml"], "--xml"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, told, crossover):
    code, out, err = crossover(*arguments)
    assert (code, out) == (2, [])
    assert len(err) == 1, err
    assert err[0].startswith("error: ")
    assert told in err[0]


def test_the_answer_is_in_the_readers_language(crossover, monkeypatch):
    english = crossover("run", "--epochs", "0")[2]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    chinese = crossover("run", "--epochs", "0")[2]
    assert "epochs" in chinese[0]
    assert chinese != english


# --- run


def test_a_run_prints_its_table_and_keeps_its_result(crossover):
    code, out, err = crossover("run", "--device", "cpu", "--model", "quick", "--seed", "7")
    assert (code, err) == (0, [])
    assert out[0].split()[0] == "Setup"
    assert out[1].startswith("CPU ")
    assert out[1].endswith("finished")
    store = Store(paths.database_url())
    (row,) = store.history()
    assert (row.workload, row.status) == (Workload(model="quick", seed=7), "finished")
    store.close()


def test_two_setups_are_compared(crossover, tmp_path):
    code, out, err = crossover("run", *TWO, "--model", "quick", "--json", tmp_path / "out.json")
    assert (code, err) == (0, [])
    said = "No reliable difference between CPU · data loader and CPU · data resident"
    assert any(said in line for line in out)
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    assert [run["spec"]["setup"]["data_path"] for run in document["runs"]] == ["resident", "loader"]
    (comparison,) = document["comparisons"]
    assert comparison["speedup"]["low"] <= comparison["speedup"]["value"] <= comparison["speedup"]["high"]
    assert comparison["parity"]["code"] == "same"
    assert {caveat["code"] for caveat in comparison["caveats"]} >= {"too_few_blocks"}
    assert (comparison["baseline"], comparison["candidate"]) == tuple(run["id"] for run in document["runs"])


def test_one_setup_has_no_comparison(crossover, tmp_path):
    assert crossover("run", "--device", "cpu", "--model", "quick", "--json", tmp_path / "out.json")[0] == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert (len(document["runs"]), document["comparisons"]) == (1, [])


def test_without_setups_the_cpu_and_the_first_accelerator_are_measured(crossover, tmp_path):
    assert crossover("run", "--model", "quick", "--json", tmp_path / "out.json")[0] == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert [run["spec"]["setup"]["device"] for run in document["runs"]] == ["cpu"]  # all that the fake has


def test_a_run_that_fails_ends_with_1_and_keeps_what_was_measured(crossover, tmp_path):
    code, out, err = crossover("run", "--device", "cpu", "--model", "dies", "--json", tmp_path / "out.json")
    assert code == 1
    assert len(err) == 1
    assert "memory ran out" in err[0]
    assert out[1].endswith("failed")
    (run,) = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert (run["status"], len(run["blocks"])) == ("failed", 2)
    assert {caveat["code"] for caveat in run["caveats"]} >= {"partial_run"}


def test_a_run_that_measured_nothing_prints_no_table(crossover, tmp_path):
    code, out, err = crossover("run", "--device", "cpu", "--model", "breaks", "--json", tmp_path / "out.json")
    assert (code, out) == (1, [])
    assert "last words" in "".join(err)
    assert not (tmp_path / "out.json").exists()


def test_a_worker_that_cant_be_started_ends_with_1(crossover, monkeypatch):
    start = engine.Runner
    monkeypatch.setattr(
        engine, "Runner", lambda *a, **k: start(*a, start_worker=lambda: Worker(("/no/such/program",)), **k)
    )
    for arguments in (["devices"], ["run"], ["run", "--device", "cpu"]):
        code, out, err = crossover(*arguments)
        assert (code, out, len(err)) == (1, [], 1)
        assert "couldn't be started" in err[0]


def press_ctrl_c_when(condition):
    """As the terminal does it: a signal to this process, once the condition holds."""
    # what a shell starts in the background ignores the signal, and so would these tests
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def wait_and_press():
        until(condition)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait_and_press, daemon=True)
    thread.start()
    return thread


def test_ctrl_c_keeps_what_was_measured(crossover, servers, tmp_path):
    def two_blocks():
        jobs = servers[0].open_jobs() if servers else []
        return jobs and len(jobs[0].assembly.runs[0].blocks) == 2

    pressed = press_ctrl_c_when(two_blocks)
    code, out, err = crossover("run", "--device", "cpu", "--model", "endless", "--json", tmp_path / "out.json")
    pressed.join()
    assert (code, err) == (130, [])
    assert out[1].endswith("cancelled")
    (run,) = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert (run["status"], len(run["blocks"])) == ("cancelled", 2)


def test_ctrl_c_before_anything_was_measured(crossover, monkeypatch):
    def interrupted(runner):
        raise KeyboardInterrupt

    monkeypatch.setattr("core.cli.devices.known_devices", interrupted)
    assert crossover("devices") == (130, [], [])


# --- devices


def test_devices_are_listed(crossover):
    code, out, err = crossover("devices")
    assert (code, err) == (0, [])
    assert out[0].split() == ["cpu", "Test", "CPU"]
    assert out[1].startswith("torch sees no GPU here.")


def test_devices_as_json(crossover):
    code, out, _ = crossover("devices", "--json")
    assert code == 0
    found = json.loads("\n".join(out))
    assert [device["id"] for device in found["devices"]] == ["cpu"]
    assert found["machine"]["cpu"]["logical_cores"] == os.cpu_count()


# --- record


def test_a_recording_is_what_the_pages_read(crossover, tmp_path, monkeypatch):
    offered = (Workload(model="quick"), Workload(model="quick", seed=1))
    monkeypatch.setattr(offers, "recorded_workloads", lambda: offered)
    folder = tmp_path / "recordings"
    folder.mkdir()
    code, out, err = crossover("record", "--out", folder)
    assert code == 0
    assert err == ["1/2 quick 64", "2/2 quick 64"]
    found = recordings.load_all(folder)
    assert found.bad_files == ()
    assert {result.spec.workload for result in found.runs} == set(offered)
    assert {(result.origin, result.blocks) for result in found.runs} == {("recorded", BLOCKS[:3])}
    assert [path.name for path in folder.iterdir()] == out
    # a second recording of the day adds to the first
    monkeypatch.setattr(offers, "recorded_workloads", lambda: (Workload(model="quick", seed=5),))
    assert crossover("record", "--out", folder)[0] == 0
    assert len(recordings.load_all(folder).runs) == 3


def test_a_recording_with_a_failure_keeps_the_rest_and_ends_with_1(crossover, tmp_path, monkeypatch):
    monkeypatch.setattr(
        offers, "recorded_workloads", lambda: tuple(Workload(model=m) for m in ("breaks", "quick"))
    )
    code, _, err = crossover("record", "--out", tmp_path)
    assert code == 1
    assert any("last words" in line for line in err)
    assert [result.spec.workload.model for result in recordings.load_all(tmp_path).runs] == ["quick"]


def test_a_watched_workload_that_fails_is_a_failure_of_the_recording(crossover, tmp_path, monkeypatch):
    both = (Device("cpu", "Test CPU"), Device("cuda:0", "Test GPU"))
    monkeypatch.setattr("core.cli.record.known_devices", lambda runner: both)
    monkeypatch.setattr(offers, "recorded_workloads", lambda: (Workload(model="quick"),))
    monkeypatch.setattr(offers, "ladders", tuple)
    monkeypatch.setattr(offers, "sequences", lambda: (Workload(model="breaks"),))
    code, _, err = crossover("record", "--out", tmp_path)
    assert code == 1
    assert any("last words" in line for line in err)


def test_recording_keeps_nothing_in_the_database(crossover, tmp_path, monkeypatch):
    monkeypatch.setattr(offers, "recorded_workloads", lambda: (Workload(model="quick"),))
    assert crossover("record", "--out", tmp_path)[0] == 0
    assert not (tmp_path / "data").exists()
