"""Documents: what goes out comes back equal, and what isn't a sound document is refused by its code."""

import copy
import dataclasses
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.analysis.comparison import compare
from core.analysis.summary import summarise
from core.codec import to_plain
from core.errors import InputError
from core.messages import sentence
from core.records import SCHEMA_VERSION, Idle, Note
from core.runs.files import exchange, untrusted
from tests.builders import make_gpu_result, make_result

NOW = "2026-11-22T18:30:00+00:00"


def make_document():
    cpu, gpu = make_result(), make_gpu_result(idle=Idle(2.0, 70.0, 140.0, "counter"))
    return exchange.document([cpu, gpu], [compare(cpu, gpu)], created_at=NOW)


def refusal_of(data):
    with pytest.raises(InputError) as refusal:
        exchange.read_document(data)
    sentence(refusal.value.code, refusal.value.facts)  # every fact that its sentence quotes is there
    return refusal.value


def imported(result):
    return dataclasses.replace(result, origin="imported")


def test_a_document_names_its_version_time_runs_and_comparisons():
    data = make_document()
    assert list(data) == ["schema_version", "created_at", "content_hash", "runs", "comparisons"]
    assert (data["schema_version"], data["created_at"]) == (SCHEMA_VERSION, NOW)
    assert [run["id"] for run in data["runs"]] == ["run-cpu", "run-gpu"]


def test_a_run_holds_its_raw_record_its_summary_and_its_caveats():
    run = exchange.document([make_result(status="cancelled", blocks=make_result().blocks[:5])], created_at=NOW)[
        "runs"
    ][0]
    assert run["spec"]["workload"]["batch_size"] == 64
    assert run["spec"]["setup"]["device"] == "cpu"
    assert run["blocks"] == to_plain(make_result().blocks[:5])
    summary = summarise(make_result(blocks=make_result().blocks[:5]))
    assert run["summary"]["samples_per_s"] == {
        "value": summary.samples_per_s.value,
        "low": summary.samples_per_s.low,
        "high": summary.samples_per_s.high,
    }
    assert run["summary"]["test_accuracy"] == make_result().epochs[-1].test_accuracy
    assert run["summary"]["timed_fraction"] == summary.timed_fraction
    assert {"epoch_s", "final_loss", "projected"} <= run["summary"].keys()
    caveats = {caveat["code"]: caveat for caveat in run["caveats"]}
    assert {"partial_run", "too_few_blocks"} <= caveats.keys()
    assert caveats["partial_run"]["grave"] is False
    assert caveats["too_few_blocks"]["facts"]["blocks"] == 5


def test_a_run_without_measurements_has_nulls_not_zeros():
    failed = make_result(
        status="failed", environment=None, data=None, cold_start=None, blocks=(), epochs=(), telemetry=None
    )
    run = exchange.document([failed], created_at=NOW)["runs"][0]
    assert run["summary"]["samples_per_s"] is None
    assert run["summary"]["epoch_s"] is None
    assert run["environment"] is None


def test_a_comparison_names_its_runs_and_says_what_was_concluded():
    found = compare(make_result(), make_gpu_result())
    (entry,) = make_document()["comparisons"]
    assert (entry["baseline"], entry["candidate"]) == ("run-cpu", "run-gpu")
    assert entry["speedup"]["low"] <= entry["speedup"]["value"] <= entry["speedup"]["high"]
    assert entry["speedup"]["value"] == found.speedup.value
    assert entry["pairs"] == found.pairs > 0
    assert entry["verdict"] == {"code": "faster", "reason": None}
    assert entry["parity"]["code"] == found.parity.code
    assert [caveat["code"] for caveat in entry["caveats"]] == [caveat.code for caveat in found.caveats]


def test_runs_and_comparisons_carry_their_quality():
    odd = make_gpu_result(origin="recorded", first_losses=(9.0,))
    data = exchange.document([make_result(), odd], [compare(make_result(), odd)], created_at=NOW)
    assert [run["quality"] for run in data["runs"]] == [
        {"badge": "good", "reasons": []},
        {"badge": "good", "reasons": ["recorded"]},
    ]
    (entry,) = data["comparisons"]
    assert entry["quality"] == {"badge": "doubtful", "reasons": ["parity_lost_non_determinism", "recorded"]}
    assert entry["verdict"] == {"code": "withheld", "reason": "parity_lost_non_determinism"}
    assert entry["parity"]["cause"] == "non_determinism"


def test_a_withheld_speedup_is_null():
    few = make_gpu_result(blocks=make_gpu_result().blocks[:1])
    (entry,) = exchange.document([], [compare(make_result(), few)], created_at=NOW)["comparisons"]
    assert entry["speedup"] is None
    assert entry["verdict"] == {"code": "withheld", "reason": "too_few_blocks"}


def test_runs_come_back_equal_through_a_file_but_marked_as_imported(tmp_path):
    exchange.write_json(tmp_path / "runs.json", make_document())
    back = exchange.read_document(exchange.read_json(tmp_path / "runs.json"))
    gpu = make_gpu_result(idle=Idle(2.0, 70.0, 140.0, "counter"))
    assert back == (imported(make_result()), imported(gpu))


def test_derived_keys_are_never_read_back():
    data = make_document()
    data["runs"][0]["summary"] = {"samples_per_s": {"value": 1e9, "low": 1e9, "high": 1e9}}
    data["runs"][0]["caveats"] = "none"
    data["runs"][0]["quality"] = {"badge": "good"}
    data["comparisons"] = "forged"
    assert exchange.read_document(data)[0] == imported(make_result())


def test_a_newer_document_is_refused():
    refusal = refusal_of(
        {**make_document(), "schema_version": SCHEMA_VERSION + 1, "runs": "in a shape to come"}
    )
    assert (refusal.code, refusal.facts) == (
        "document_newer",
        {"found": SCHEMA_VERSION + 1, "known": SCHEMA_VERSION},
    )


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "document"),
        ({}, "document.schema_version"),
        ({"schema_version": True, "runs": []}, "document.schema_version"),
        ({"schema_version": 0, "runs": []}, "document.schema_version"),
        ({"schema_version": "1", "runs": []}, "document.schema_version"),
        ({"schema_version": 1}, "document.runs"),
        ({"schema_version": 1, "runs": {}}, "document.runs"),
        ({"schema_version": 1, "runs": [7]}, "runs[0]"),
    ],
)
def test_what_is_no_document_is_refused(data, where):
    refusal = refusal_of(data)
    assert (refusal.code, refusal.facts["where"]) == ("malformed_record", where)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("blocks[2].duration_s", 0.0),
        ("blocks[2].duration_s", -0.1),
        ("blocks[2].duration_s", "fast"),
        ("blocks[0].steps", 0),
        ("blocks[0].samples", 0),
        ("blocks[0].samples", -64),
        ("blocks[0].epoch", 0),
        ("blocks[0].start_s", -1.0),
        ("blocks[3].start_s", 12.2),
        ("blocks[3].samples", 1),
        ("epochs[1].samples", 64),
        ("epochs[1].test_accuracy", 1.5),
        ("idle.duration_s", -2.0),
        ("epochs[1].steps", 0),
        ("epochs[1].samples", -1),
        ("epochs[0].evaluation_s", -0.5),
        ("cold_start.build_s", -0.1),
        ("cold_start.worker_start_s", -0.1),
        ("spec.workload.batch_size", 0),
        ("spec.workload.epochs", -3),
        ("data.train_samples", 0),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-22T18:30:00"),
        ("created_at", "2026-11-22T18:30:00+08:00"),
        ("status", "splendid"),
    ],
)
def test_an_impossible_value_is_refused_and_its_place_named(path, value):
    data = copy.deepcopy(make_document())
    holder = data["runs"][1]
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    for step in steps:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    assert last in holder
    holder[last] = value
    refusal = refusal_of(data)
    assert (refusal.code, refusal.facts["where"]) == ("malformed_record", f"runs[1].{path}")


def test_a_negative_stage_time_is_refused():
    data = copy.deepcopy(make_document())
    data["runs"][0]["anatomy"]["stages"][1]["seconds"][3] = -1e-9
    assert refusal_of(data).facts["where"] == "runs[0].anatomy.copy.seconds[3]"


def test_a_run_of_an_unknown_format_is_refused():
    data = make_document()
    data["runs"][0]["schema_version"] = SCHEMA_VERSION + 1
    assert refusal_of(data).code == "schema_unreadable"


def test_an_unknown_field_and_a_repeated_run_are_refused():
    data = make_document()
    data["runs"][0]["speed"] = 1
    assert "speed" in refusal_of(data).facts["problem"]
    data = make_document()
    data["runs"].append(data["runs"][0])
    assert refusal_of(data).facts["where"] == "runs[2].id"


# --- files


def problem_with(function, *arguments):
    with pytest.raises(InputError) as refusal:
        function(*arguments)
    sentence(refusal.value.code, refusal.value.facts)
    return refusal.value


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "runs.json"
    exchange.write_json(path, {"old": 1})
    with path.open() as reader:
        exchange.write_json(path, {"new": "né"})
        assert json.load(reader) == {"old": 1}  # who reads meanwhile sees one whole file
    assert exchange.read_json(path) == {"new": "né"}
    assert [item.name for item in tmp_path.iterdir()] == ["runs.json"]


def test_what_is_not_finite_is_never_written(tmp_path):
    path = tmp_path / "runs.json"
    exchange.write_json(path, {"old": 1})
    assert problem_with(exchange.write_json, path, {"loss": float("nan")}).code == "file_not_written"
    assert exchange.read_json(path) == {"old": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["runs.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "runs.json"
    exchange.write_json(path, {"old": 1})

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(exchange.os, "fsync", full)
    refusal = problem_with(exchange.write_json, path, {"new": 1})
    assert refusal.code == "file_not_written"
    assert refusal.facts == {"name": "runs.json", "problem": "No space left on device"}
    assert exchange.read_json(path) == {"old": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["runs.json"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert problem_with(exchange.write_json, tmp_path / "none" / "runs.json", {}).code == "file_not_written"
    assert problem_with(exchange.write_json, tmp_path / "file" / "runs.json", {}).code == "file_not_written"


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    refusal = problem_with(exchange.read_json, tmp_path / "none.json")
    assert (refusal.code, refusal.facts["name"]) == ("file_not_read", "none.json")
    assert problem_with(exchange.read_json, tmp_path).code == "file_not_read"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b"1" * 5_000])
def test_a_file_that_is_not_json_is_told(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    refusal = problem_with(exchange.read_json, tmp_path / "x.json")
    assert (refusal.code, refusal.facts["name"]) == ("file_not_json", "x.json")


def test_a_file_over_the_limit_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "SIZE_LIMIT_BYTES", 10)
    monkeypatch.setattr(untrusted, "SIZE_LIMIT_BYTES", 10)
    (tmp_path / "x.json").write_bytes(b"[" + b" " * 8 + b"]")
    assert exchange.read_json(tmp_path / "x.json") == []
    (tmp_path / "x.json").write_bytes(b"[" + b" " * 9 + b"]")
    assert problem_with(exchange.read_json, tmp_path / "x.json").code == "file_too_large"
    assert problem_with(exchange.parse_json, "upload.json", b"[" * 11).code == "file_too_large"


def test_not_finite_numbers_in_a_file_are_refused():
    text = json.dumps(make_document())
    for number, told in (("NaN", "NaN is no number"), ("1e999", "isn't a number that can be measured")):
        content = text.replace('"learning_rate": 0.01', f'"learning_rate": {number}').encode()
        with pytest.raises(InputError) as refusal:
            exchange.read_document(exchange.parse_json("x.json", content))
        assert told in sentence(refusal.value.code, refusal.value.facts)


def test_texts_from_elsewhere_travel_without_what_no_reader_takes(tmp_path):
    odd = make_result(
        notes=(Note("trace_failed", {"problem": "\ud800 \x1b[31mred\x1b[0m\nover " + "x" * 20_000}),)
    )
    exchange.write_json(tmp_path / "x.json", exchange.document([odd], created_at=NOW))
    (back,) = exchange.read_document(exchange.read_json(tmp_path / "x.json"))
    problem = back.notes[0].facts["problem"]
    assert problem.startswith("\ufffd \ufffd[31mred\ufffd[0m\nover xxx")
    assert len(problem) == 10_000
    assert exchange.digest(back) == exchange.digest(odd)  # so that it is a duplicate where it was measured


def test_exchange_and_recordings_need_no_database_and_no_torch():
    code = (
        "import sys\n"
        "for name in ('sqlalchemy', 'torch', 'streamlit', 'plotly'):\n"
        "    sys.modules[name] = None\n"
        "import core.paths, core.runs.files.exchange, core.runs.files.recordings\n"
    )
    repository = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
