"""`sweep`: the table, the sentence and the file; resumed, refused, and what is lost when it's ended early."""

import json

import pytest

from core.cli import sweep as command
from core.runs.files import exchange

TWO = ("--setup", "device=cpu,threads=1", "--setup", "device=cpu,threads=1,data_path=loader")
QUICK = ("sweep", "--model", "quick", *TWO, "--max-seconds", "300")


@pytest.fixture(autouse=True)
def _in_english(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")


def test_the_table_the_fits_and_the_answer(crossover, tmp_path):
    file = tmp_path / "sweep.json"
    code, out, err = crossover(*QUICK, "--batch-sizes", "16..128", "--json", file)
    assert code == 0, err
    assert out[1] == "quick"
    assert out[2].split("  ")[0] == "Batch size"
    rows = [line.split() for line in out[3:7]]
    assert [row[0] for row in rows] == ["16", "32", "64", "128"]
    assert all("×" in line for line in out[3:7])
    assert any("a step takes" in line for line in out)
    assert any(line.startswith("Neither ") and "data loader" in line for line in out)
    assert err[0] == "0/4 quick 16"
    assert err[1] == "1/4 quick 128"
    assert err[2].startswith("2/4 quick 32 · ")


def test_the_document_has_cells_fits_and_crossovers(crossover, tmp_path):
    file = tmp_path / "sweep.json"
    assert crossover(*QUICK, "--model", "half", "--batch-sizes", "16..64", "--json", file)[0] == 0
    document = json.loads(file.read_text())
    assert document["complete"] is True
    cells = {(cell["model"], cell["batch_size"], cell["setup"]): cell for cell in document["cells"]}
    assert list(cells) == [
        (model, size, setup)
        for model in ("quick", "half")
        for size in (16, 32, 64)
        for setup in ("device=cpu,threads=1", "device=cpu,threads=1,data_path=loader")
    ]
    first, second = (cells["quick", 16, setup] for setup in dict.fromkeys(key[2] for key in cells))
    assert first["state"] == "measured"
    assert first["over_baseline"] is None
    assert second["over_baseline"]["low"] <= 1 <= second["over_baseline"]["high"]  # the fake worker's are equal
    assert first["samples_per_s"]["value"] == pytest.approx(16 / first["step_s"]["value"])
    assert {"value", "low", "high"} == set(first["step_s"])
    killed = cells["half", 16, "device=cpu,threads=1"]
    assert (killed["state"], killed["step_s"], killed["reason"]["code"]) == (
        "out_of_memory",
        None,
        "worker_killed",
    )
    assert cells["half", 64, "device=cpu,threads=1"]["state"] == "out_of_memory"
    assert cells["half", 64, "device=cpu,threads=1"]["reason"]["code"] == "memory_full_before"
    assert {run["id"] for run in document["runs"]} >= {cell["run"] for cell in cells.values() if cell["run"]}
    fits = {(fit["model"], fit["setup"]): fit for fit in document["fits"]}
    assert len(fits) == 4
    [regime] = fits["quick", "device=cpu,threads=1"]["regimes"]
    assert regime["high"] is None
    assert regime["overhead_s"] == pytest.approx(first["step_s"]["value"], rel=0.05)  # whatever the batch size
    assert fits["half", "device=cpu,threads=1"]["reason"]["code"] == "too_few_points"
    assert document["crossover"] == document["crossovers"][0]
    assert [item["model"] for item in document["crossovers"]] == ["quick", "half"]
    assert document["crossover"]["value"] is None
    assert document["crossover"]["reason"]["code"] == "no_difference"
    assert set(document["crossover"]) >= {
        "low",
        "high",
        "faster_above",
        "extrapolated",
        "confirmed",
        "below",
        "above",
    }
    assert len(exchange.read_document(document)) == len(document["runs"])


def test_a_sweep_is_resumed_and_nothing_measured_twice(crossover, servers, tmp_path):
    file = tmp_path / "sweep.json"
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file)[0] == 0
    before = {run["id"] for run in json.loads(file.read_text())["runs"]}
    code, out, err = crossover(*QUICK, "--batch-sizes", "16..64", "--json", file, "--resume")
    assert code == 0
    assert [line.split(" · ")[0] for line in err if "/" in line] == ["2/3 quick 32"]
    document = json.loads(file.read_text())
    assert before < {run["id"] for run in document["runs"]}
    assert len(document["cells"]) == 6
    assert {run["origin"] for run in document["runs"]} == {"measured"}
    assert [line.split()[0] for line in out[3:6]] == ["16", "32", "64"]


def test_another_sweeps_runs_arent_taken_over_and_that_is_said(crossover, tmp_path):
    file = tmp_path / "sweep.json"
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file)[0] == 0
    code, _, err = crossover(*QUICK, "--batch-sizes", "16,64", "--seed", "5", "--json", file, "--resume")
    assert code == 0
    assert "4 runs in the file are of another sweep and weren't used." in err
    assert len(json.loads(file.read_text())["runs"]) == 4


def test_the_file_is_written_after_every_point(crossover, tmp_path, monkeypatch):
    file, seen = tmp_path / "sweep.json", []
    write = exchange.write_json

    def watched(path, data):
        write(path, data)
        seen.append((data["complete"], len(data["runs"]), data["crossover"] is None))

    monkeypatch.setattr(exchange, "write_json", watched)
    crossover(*QUICK, "--batch-sizes", "16,64,256", "--json", file)
    assert seen == [(False, 2, True), (False, 4, True), (False, 6, True), (True, 6, False)]


def test_ctrl_c_keeps_and_prints_what_there_is(crossover, tmp_path, monkeypatch):
    watch, file = command.watch, tmp_path / "sweep.json"
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return watch(*arguments)

    monkeypatch.setattr(command, "watch", interrupted)
    code, out, _ = crossover(*QUICK, "--batch-sizes", "16..128", "--json", file)
    assert code == 130
    assert [line.split()[0] for line in out[3:7]] == ["16", "32", "64", "128"]
    document = json.loads(file.read_text())
    assert document["complete"] is False
    assert {cell["batch_size"] for cell in document["cells"]} == {16, 128}


def test_ctrl_c_before_a_resumed_sweep_has_begun_leaves_its_file_as_it_is(crossover, tmp_path, monkeypatch):
    file = tmp_path / "sweep.json"
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file)[0] == 0
    before = file.read_text()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "sweep", interrupted)
    assert crossover(*QUICK, "--batch-sizes", "16,64", "--json", file, "--resume")[0] == 130
    assert file.read_text() == before


def test_where_nothing_is_named_the_cpu_is_set_against_itself(crossover, tmp_path):
    file = tmp_path / "sweep.json"
    code, _, _ = crossover(
        "sweep", "--model", "quick", "--batch-sizes", "16", "--max-seconds", "9", "--json", file
    )
    assert code == 0
    setups = [cell["setup"] for cell in json.loads(file.read_text())["cells"]]
    assert setups[0] == "device=cpu,threads=1"
    assert len(setups) == len(set(setups)) <= 2


def test_one_batch_size_is_measured_and_told_to_make_no_line(crossover):
    code, _, err = crossover(*QUICK, "--batch-sizes", "64")
    assert code == 0
    assert any("One batch size makes no line" in line for line in err)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--device", "cuda:0"), "no device cuda:0"),
        (("--batch-sizes", "0..16"), "batch_size must be from 1"),
        (("--batch-sizes", ""), "A sweep needs batch sizes"),
        (("--batch-sizes", "64..16"), "64..16"),
        (("--batch-sizes", "few"), "few"),
        (("--batch-sizes", "16,16"), "16 is named twice"),
        (("--widths", "0..4"), "width"),
        (("--model", "mlp", "--model", "mlp"), "mlp is named twice"),
        (("--max-seconds", "nan"), "max_seconds"),
        (("--max-seconds", "0"), "max_seconds"),
        (("--json", "/no/such/folder/out.json"), "no folder /no/such/folder"),
        (("--resume",), "--resume needs --json"),
        (("--resume", "--json", "not_there.json"), "not_there.json"),
        (("--setup", "device=cpu", "--setup", "device=cpu"), "setups are the same"),
        (("--dataset", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, told, crossover, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = crossover("sweep", *arguments)
    assert (code, out) == (2, [])
    complaints = [line for line in err if line.startswith("error: ")]
    assert len(complaints) == 1
    assert told in complaints[0]


def test_what_fails_at_once_ends_with_its_reason(crossover):
    code, out, err = crossover("sweep", "--model", "breaks", *TWO, "--batch-sizes", "16,64")
    assert code == 1
    assert (
        sum(line.startswith("✗") and "16, 64: The measuring process ended by itself" in line for line in out)
        == 2
    )
    assert sum("wasn't tried any more" in line for line in err) == 2


def test_where_nothing_can_be_measured_the_reason_is_told(crossover):
    code, out, err = crossover("sweep", "--model", "refused", *TWO, "--batch-sizes", "4")
    assert code == 1
    assert any("smaller batch" in line for line in out)
    assert err == [
        "One batch size makes no line: nothing can be said of where the devices cross.",
        "0/1 refused 4",
    ]
