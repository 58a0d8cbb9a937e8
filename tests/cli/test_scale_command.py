"""`scale`: what each number of workers reaches, whether it was the same work, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.cli import scale as command
from core.runs import admission, scale_spec
from core.runs.files import exchange
from tests.cli.test_real_command import WITHOUT

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("scale", "--model", "quick", "--batch-size", "64", "--max-seconds", "9")


def test_a_line_is_printed_and_written(crossover, servers, tmp_path):
    file = tmp_path / "scale.json"
    code, out, err = crossover(*QUICK, "--workers", "1,2,4", "--kind", "strong", "--json", file)
    assert code == 0, err
    assert out[1].startswith("quick · synthetic · ")
    assert [line.split()[0] for line in out[2:6]] == ["Workers", "1", "2", "4"]
    assert "1×" in out[3]
    assert "1.00" in out[4]
    assert "50.00 %" in out[4]  # the fake worker's runs are equal: two workers are half as efficient
    assert "25.00 %" in out[5]
    assert "Job 1 of 1 · one batch shared out (strong scaling): 1, 2, 4 workers in turns" in err
    document = json.loads(file.read_text())
    (line,) = document["scalings"]
    assert (line["kind"], line["model"], document["complete"]) == ("strong", "quick", True)
    assert [point["workers"] for point in line["points"]] == [1, 2, 4]
    for point in line["points"]:
        assert point["efficiency"]["value"] == pytest.approx(1 / point["workers"])
    assert [point["run"] for point in line["points"]] == [run["id"] for run in document["runs"]]
    assert len(exchange.read_document(document)) == 3


def test_weak_jobs_follow_the_strong_one(crossover, servers, tmp_path):
    file = tmp_path / "scale.json"
    code, out, err = crossover(*QUICK, "--workers", "1,2", "--json", file)
    assert [line for line in err if line.startswith("Job ")] == [
        "Job 1 of 2 · one batch shared out (strong scaling): 1, 2 workers in turns",
        "Job 2 of 2 · a batch for each (weak scaling): 2 workers",
    ]
    remarks = [line for line in out if line[:1] in "✗‼!·" and ": " in line]
    assert len({line.partition(": ")[2] for line in remarks}) == len(remarks), "nothing is said twice"
    assert {line["kind"] for line in json.loads(file.read_text())["scalings"]} == {"strong", "weak"}
    # the fake worker tells more images than there are: refused, and said
    assert any(
        line.startswith("✗ 2 workers (batch 128): ") and "only 1437 training images" in line for line in out
    )
    assert code == 0


def test_the_usual_workers_leave_each_its_threads(crossover, monkeypatch):
    monkeypatch.setattr(scale_spec, "cores", lambda: 4)
    monkeypatch.setattr(admission.os, "cpu_count", lambda: 8)
    _, _, err = crossover(*QUICK, "--threads", "2", "--kind", "strong")
    assert "Job 1 of 1 · one batch shared out (strong scaling): 1, 2 workers in turns" in err
    code, _, err = crossover(*QUICK, "--threads", "3", "--kind", "strong")
    assert code == 2
    assert "room for one worker only" in err[-1]


def test_between_two_jobs_enough_is_enough(crossover, monkeypatch, tmp_path):
    calls, watch = [], command.watch

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return watch(*arguments)

    monkeypatch.setattr(command, "watch", interrupted)
    file = tmp_path / "scale.json"
    code, out, _ = crossover(*QUICK, "--workers", "1,2", "--json", file)
    assert code == 130
    assert [line.split()[0] for line in out[3:5]] == ["1", "2"]
    document = json.loads(file.read_text())
    assert document["complete"] is False
    assert len(document["runs"]) == 2


def test_a_cancelled_job_keeps_what_it_has_measured_and_is_the_last(crossover, monkeypatch, tmp_path):
    calls, watch = [], command.watch

    def cancelled(*arguments):
        calls.append(arguments)
        job = watch(*arguments)
        return SimpleNamespace(
            state="cancelled", storage_problem=None, failure=None, results=job.results, assembly=job.assembly
        )

    monkeypatch.setattr(command, "watch", cancelled)
    file = tmp_path / "scale.json"
    code, _, _ = crossover(*QUICK, "--workers", "1,2", "--json", file)
    document = json.loads(file.read_text())
    assert (code, len(calls), len(document["runs"]), document["complete"]) == (130, 1, 2, False)


def test_a_worker_that_dies_is_a_failed_run(crossover):
    code, out, _ = crossover(
        "scale", "--model", "dies", "--batch-size", "64", "--workers", "1,2", "--kind", "strong"
    )
    assert code == 1
    assert any(line.startswith("✗ ") for line in out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--device", "cuda:0"), "no device cuda:0"),
        (("--workers", "2,4"), "must begin with 1"),
        (("--workers", "1;2"), "can't be read"),
        (("--workers", "1,3", "--kind", "strong"), "shared out"),
        (("--batch-size", "0"), "batch_size must be from 1"),
        (("--json", "/no/such/folder/out.json"), "no folder /no/such/folder"),
        (("--max-seconds", "nan"), "max_seconds"),
        (("--kind", "sideways"), "invalid choice"),
        (("--model", "refused"), "smaller batch"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, told, crossover):
    code, out, err = crossover("scale", "--workers", "1,2", "--batch-size", "64", *arguments)
    assert (code, out) == (2, [])
    complaints = [line for line in err if line.startswith("error: ")]
    assert len(complaints) == 1
    assert told in complaints[0]


def test_two_real_workers_do_the_work_of_one(tmp_path):
    """Without SQLAlchemy, Plotly and Streamlit, as on a rented machine."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    file = tmp_path / "out.json"
    variables = {
        "CROSSOVER_DATA_DIR": str(tmp_path / "data"),
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(tmp_path / "site"),
    }
    arguments = ["--model", "mlp_16", "--dataset", "synthetic:1x8x8,images=2048", "--batch-size", "128"]
    arguments += ["--workers", "1,2", "--kind", "strong", "--max-seconds", "1", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "core", "scale", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(file.read_text())["scalings"]
    one, two = line["points"]
    assert (one["workers"], two["workers"]) == (1, 2)
    assert two["parity"]["code"] == "same"
    assert two["parity"]["steps"] >= 10
    assert 0 < two["speedup"]["low"] <= two["speedup"]["value"] <= two["speedup"]["high"]
    runs = exchange.read_document(json.loads(file.read_text()))
    assert runs[1].communication.backend == "gloo"
    assert runs[1].communication.gradient_bytes > 4 * 64 * 16
