"""Tables for spreadsheets and for pytest-benchmark: the numbers are the records', and no text calculates."""

from __future__ import annotations

import csv
import io
import json
import statistics

import pytest

from core.analysis.comparison import compare
from core.analysis.summary import summarise
from core.i18n import english
from core.records import Device, Note
from core.sharing import csv_table, formats, pytest_benchmark
from core.sharing.bundle import gather
from tests.builders import make_blocks, make_environment, make_gpu_result, make_result, make_uniform_blocks

NOW = "2026-11-29T10:00:00+00:00"
PAIR = make_result(), make_gpu_result()


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def named(name):
    return make_result(environment=make_environment(device=Device("cpu", name)))


def test_a_row_for_each_run_with_its_numbers_and_their_intervals():
    cpu, gpu = rows(csv_table.runs(gather(PAIR, english)))
    summary, found = summarise(PAIR[1]), compare(*PAIR)
    assert (cpu["id"], gpu["id"]) == ("run-cpu", "run-gpu")
    for part in ("value", "low", "high"):
        ending = "" if part == "value" else f"_{part}"
        assert float(gpu[f"samples_per_s{ending}"]) == getattr(summary.samples_per_s, part)
        assert float(gpu[f"speedup{ending}"]) == getattr(found.speedup, part)
    assert (gpu["verdict"], gpu["speedup_against"], gpu["origin"]) == ("faster", "run-cpu", "measured")
    assert (cpu["verdict"], cpu["speedup"], cpu["energy_j_per_epoch"]) == ("", "", "")
    assert float(gpu["energy_j_per_1000_samples"]) == summary.energy.joules_per_1000_samples
    assert (gpu["setup_device"], gpu["batch_size"], gpu["setup_fused"]) == ("cuda:0", "64", "false")


def test_doubts_and_failures_are_codes_beside_the_numbers():
    noisy = make_result(blocks=make_blocks(0.2, jitter=(0.0, 0.4, -0.4, 0.5, -0.3)), origin="recorded")
    [row] = rows(csv_table.runs(gather([noisy], english)))
    assert row["quality"] == "doubtful"
    assert {"recorded", "noisy"} <= set(row["caveats"].split())


def away(kind, run_id):
    through = Note("through_ray", {"kind": kind, "ray": "2.50"})
    return make_result(id=run_id, job_id=run_id, notes=(through,))


def test_the_machines_of_a_cluster_are_told_apart_in_every_table():
    runs = make_result(), away("big", "a"), away("small", "b")
    table = rows(csv_table.runs(gather(runs, english)))
    assert [row["cluster_machine"] for row in table] == ["", "big", "small"]
    assert {(row["usable_cores"], row["host_memory_bytes"]) for row in table} == {("16.0", str(64 * 2**30))}
    benches = document(*runs)["benchmarks"]
    assert [bench["extra_info"]["cluster_machine"] for bench in benches] == [None, "big", "small"]
    work = "train[mlp-digits-64-device=cpu"
    assert [bench["name"] for bench in benches] == [f"{work}]", f"{work}@big]", f"{work}@small]"]


def test_a_row_for_each_block_with_the_raw_sample():
    found = rows(csv_table.blocks(gather(PAIR, english)))
    assert len(found) == 32
    assert [float(row["duration_s"]) for row in found[16:]] == [block.duration_s for block in PAIR[1].blocks]
    assert {row["run_id"] for row in found[:16]} == {"run-cpu"}


@pytest.mark.parametrize(
    "name",
    [
        "=HYPERLINK(1)",
        "+1",
        "-1+2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff@x",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "\t",
        "\n=1",
    ],
)
def test_a_hostile_device_name_is_no_formula(name):
    [row] = rows(csv_table.runs(gather([named(name)], english)))
    assert row["device_name"] == f"'{name}"


@pytest.mark.parametrize("name", ["NVIDIA H200", "A=B", "x-1", "", 'a "b", c', "\nplain"])
def test_an_ordinary_name_stays_as_it_is(name):
    [row] = rows(csv_table.runs(gather([named(name)], english)))
    assert row["device_name"] == name


def test_negative_numbers_stay_numbers():
    blocks = tuple(make_uniform_blocks([1.0] * 6))
    run = make_result(blocks=tuple(block.__class__(*_values(block)[:-1], -0.5) for block in blocks))
    assert {row["loss"] for row in rows(csv_table.blocks(gather([run], english)))} == {"-0.5"}


def _values(block):
    return [getattr(block, name) for name in block.__dataclass_fields__]


# --- pytest-benchmark ----------------------------------------------------------------------------


def document(*results):
    return json.loads(formats.render("pytest-benchmark", results, english, created_at=NOW))


def test_the_document_has_what_pytest_benchmark_reads():
    data = document(*PAIR)
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version"} == data.keys()
    assert data["commit_info"]["id"] == "abc1234"
    assert data["machine_info"]["node"] == ""
    for bench, run in zip(data["benchmarks"], PAIR, strict=True):
        assert {
            "group",
            "name",
            "fullname",
            "params",
            "param",
            "extra_info",
            "options",
            "stats",
        } == bench.keys()
        assert bench["fullname"].endswith(run.id)
        assert bench["extra_info"]["origin"] == "measured"
        assert bench["extra_info"]["quality"] == "good"
        assert bench["params"]["device"] == run.spec.setup.device
    assert data["benchmarks"][0]["group"] == data["benchmarks"][1]["group"]


def test_its_values_are_seconds_of_a_step_in_each_block():
    stats = document(PAIR[0])["benchmarks"][0]["stats"]
    data = [block.duration_s / block.steps for block in PAIR[0].blocks]
    assert stats["data"] == data
    assert stats["rounds"] == 16
    assert (stats["min"], stats["max"], stats["median"]) == (min(data), max(data), statistics.median(data))
    assert stats["mean"] == pytest.approx(statistics.mean(data))
    assert stats["ops"] == pytest.approx(1 / statistics.mean(data))
    assert stats["total"] == pytest.approx(sum(data))


@pytest.mark.parametrize(
    ("values", "q1", "q3", "iqr_outliers", "low", "high"),
    [  # as pytest-benchmark 5.3.1 itself prints them
        ([1.0], 1.0, 1.0, 0, 1.0, 1.0),
        ([1.0, 2.0], 1.0, 2.0, 0, 1.0, 2.0),
        ([1.0, 2.0, 4.0], 1.25, 3.5, 0, 1.0, 4.0),
        ([1.0, 2.0, 3.0, 4.0, 50.0], 1.75, 15.5, 1, 1.0, 4.0),
        ([5.0, 1.0, 2.0, 3.0, 4.0, 60.0], 2.0, 5.0, 1, 1.0, 5.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 2.25, 5.75, 0, 1.0, 7.0),
    ],
)
def test_quartiles_and_fences_are_pytest_benchmarks_own(values, q1, q3, iqr_outliers, low, high):
    run = make_result(blocks=make_uniform_blocks([5 * value for value in values]))
    stats = pytest_benchmark.document(gather([run], english), created_at=NOW)["benchmarks"][0]["stats"]
    assert (stats["q1"], stats["q3"], stats["iqr"]) == (q1, q3, q3 - q1)
    assert (stats["iqr_outliers"], stats["ld15iqr"], stats["hd15iqr"]) == (iqr_outliers, low, high)


def test_a_run_without_blocks_is_no_benchmark():
    failed = make_gpu_result(blocks=(), status="failed")
    assert [bench["extra_info"]["run"] for bench in document(PAIR[0], failed)["benchmarks"]] == ["run-cpu"]
