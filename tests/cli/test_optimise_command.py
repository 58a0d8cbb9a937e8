"""`optimise`: every rung is told, measured or with its reason, on the terminal and in the file."""

import json

import pytest

from core.analysis.ladder import NAMES


def test_the_ladder_is_printed_and_written(crossover, tmp_path):
    file = tmp_path / "ladder.json"
    code, out, err = crossover(
        "optimise", "--model", "quick", "--device", "cpu", "--max-seconds", "10", "--json", file
    )
    assert code == 0, err
    assert out[1] == "cpu"
    assert any(line.startswith("Best: device=cpu") for line in out)
    assert any("NVIDIA GPU" in line and "·" in line for line in out)  # why there is no graph
    document = json.loads(file.read_text())
    rungs = document["rungs"]
    places = [NAMES.index(rung["name"]) for rung in rungs]
    assert places == sorted(places)
    assert {rung["name"] for rung in rungs} == set(NAMES)
    for rung in rungs:
        assert rung["available"] == (rung["samples_per_s"] is not None) == (rung["reason"] is None)
        assert (rung["device"], rung["precision"]) in {("cpu", p) for p in ("fp32", "tf32", "bf16")}
    (loader,) = (rung for rung in rungs if rung["name"] == "loader")
    assert loader["over_loader"] is None
    (resident,) = (rung for rung in rungs if rung["name"] == "resident")
    assert resident["over_loader"]["low"] <= 1 <= resident["over_loader"]["high"]  # the fake worker's are equal
    assert {"value", "low", "high"} == set(resident["over_loader"])
    assert resident["parity"]["code"] == "same"
    assert {run["id"] for run in document["runs"]} == {rung["run"] for rung in rungs if rung["run"]}
    assert set(document["limits"]) == set(document["bottleneck"]) == {"cpu"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--device", "cuda:0"), "no device cuda:0"),
        (("--batch-size", "0"), "batch_size must be from 1"),
        (("--json", "/no/such/folder/out.json"), "no folder /no/such/folder"),
        (("--max-seconds", "nan"), "max_seconds"),
        (("--model", "refused"), "smaller batch"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, told, crossover):
    code, out, err = crossover("optimise", *arguments)
    assert (code, out) == (2, [])
    complaints = [line for line in err if line.startswith("error: ")]
    assert len(complaints) == 1
    assert told in complaints[0]
