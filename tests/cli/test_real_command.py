"""`python -m core` as a person runs it: a process of its own that really measures."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.codec import to_plain
from core.records import SCHEMA_VERSION, Setup
from core.runs.files import exchange

ROOT = Path(__file__).resolve().parents[2]

# As if the packages weren't installed, in this process and in its children.
WITHOUT = """
import importlib.machinery, sys

class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ("sqlalchemy", "streamlit", "plotly", "pandas"):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Finder
"""


@pytest.fixture(scope="module")
def data_folder():
    """The session's, before `conftest` gives each test here one of its own: its digits are prepared once."""
    return os.environ["CROSSOVER_DATA_DIR"]


@pytest.fixture
def command(tmp_path, data_folder):
    """Run `python -m core ...` to its end; the temporary folder holds the machine's lock."""

    def run(*arguments, **variables):
        # one thread: several wait for each other where other programs take their cores
        fixed = {"CROSSOVER_DATA_DIR": data_folder, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-m", "core", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **fixed, **variables},
            capture_output=True,
            text=True,
            timeout=170,
        )

    return run


def test_the_promised_command(command, tmp_path):
    file = tmp_path / "out.json"
    text = f"run --model mlp --dataset digits --batch-size 64 --epochs 3 --device cpu --json {file}"
    done = command(*text.split())
    assert done.returncode == 0, done.stderr
    document = json.loads(file.read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["comparisons"] == []
    (run,) = document["runs"]
    assert run["status"] == "finished"
    assert run["spec"] == {
        "workload": {
            "model": "mlp",
            "dataset": "digits",
            "batch_size": 64,
            "epochs": 3,
            "learning_rate": 0.01,
            "seed": 0,
            "task": "train",
        },
        "setup": to_plain(Setup()),
    }
    assert run["environment"]["device"]["id"] == "cpu"
    assert run["environment"]["software"]["torch"]
    assert run["data"]["parameters"] == 407_050
    assert run["data"]["train_samples"] == 60_000
    assert len(run["blocks"]) >= 15
    assert [epoch["samples"] for epoch in run["epochs"]] == [60_000 // 64 * 64] * 3
    assert all("code" in caveat for caveat in run["caveats"])
    summary = run["summary"]
    rate = summary["samples_per_s"]
    assert 0 < rate["low"] <= rate["value"] <= rate["high"]
    assert summary["test_accuracy"] > 0.9
    finite = [*rate.values(), *summary["epoch_s"].values(), summary["final_loss"], summary["test_accuracy"]]
    assert all(math.isfinite(number) for number in finite)
    assert summary["epoch_s"]["value"] == pytest.approx(59_968 / rate["value"])
    assert run["epochs"][0]["train_loss"] > run["epochs"][2]["train_loss"] == summary["final_loss"]
    (again,) = exchange.read_document(document)
    assert again.id == run["id"]
    assert "Test accuracy" in done.stdout


def test_measuring_needs_neither_database_nor_dashboard(command, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    arguments = ["--dataset", "synthetic:1x28x28,images=640", "--epochs", 1, "--setup", "device=cpu,threads=1"]
    done = command(
        "run",
        *arguments,
        "--json",
        tmp_path / "out.json",
        PYTHONPATH=str(tmp_path / "site"),
        CROSSOVER_DATA_DIR=str(tmp_path / "data"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["Results aren't stored here: SQLAlchemy isn't installed."]
    assert json.loads((tmp_path / "out.json").read_text())["runs"][0]["status"] == "finished"
    assert not (tmp_path / "data" / "crossover.sqlite3").exists()


def test_neither_does_a_sweep(command, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    arguments = ["--model", "mlp_8", "--dataset", "synthetic:1x28x28,images=640", "--batch-sizes", "8,16,64"]
    arguments += ["--setup", "device=cpu,threads=1", "--setup", "device=cpu,threads=1,precision=bf16"]
    done = command(
        "sweep",
        *arguments,
        "--max-seconds",
        20,
        "--json",
        tmp_path / "out.json",
        PYTHONPATH=str(tmp_path / "site"),
        CROSSOVER_DATA_DIR=str(tmp_path / "data"),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    assert {cell["state"] for cell in told["cells"]} == {"measured"}
    assert len(told["fits"]) == 2
    assert {"value", "low", "high", "reason"} <= told["crossover"].keys()


IMPATIENT = """
import importlib.abc, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "core.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
"""


def test_ctrl_c_while_it_still_loads_is_no_fault(command, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    done = command("devices", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_blocked_packages_are_blocked(tmp_path):
    """Or the test above shows nothing."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    names = ("sqlalchemy", "plotly", "streamlit", "pandas")
    script = f"from importlib.util import find_spec; print({{find_spec(name) for name in {names}}})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "{None}"


def test_single_steps_are_written_for_perfetto(command, tmp_path):
    file = tmp_path / "steps.json"
    setup = "device=cpu,threads=1,data_path=loader"
    done = command("run", "--max-seconds", "1", "--epochs", "1", "--setup", setup, "--trace", file)
    assert done.returncode == 0, done.stderr
    events = json.loads(file.read_text())["traceEvents"]
    names = {event["name"] for event in events if event["ph"] == "X"}
    assert {"fetch", "to_device", "forward", "backward", "update", "aten::linear"} <= names
    steps = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert [name.split()[0] for name in steps] == ["cold", "warm"]
