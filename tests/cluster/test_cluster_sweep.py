"""`sweep --cluster` on two equal nodes of a real Ray cluster."""

from __future__ import annotations

import json

import pytest

from core.cli import main
from tests import ray_cluster as clusters


@pytest.fixture
def two_alike(ray_cluster):
    """The cluster with a second node of the kind small."""
    ray_cluster.add("alike", **clusters.SMALL)
    yield ray_cluster
    ray_cluster.kill("alike")


def test_a_sweep_is_spread_over_equal_nodes(two_alike, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("CROSSOVER_DATA_DIR", str(tmp_path))
    file = tmp_path / "sweep.json"
    asked = ("--kind", "small", "--device", "cpu", "--batch-sizes", "32,64", "--max-seconds", "120")
    assert main(["sweep", "--cluster", two_alike.address, *asked, "--json", str(file)]) == 0, (
        capsys.readouterr()
    )
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Measuring on 2 equal machines: small"
    assert sum("It isn't of the kind small." in line for line in told) == 2
    assert sum(line.startswith("0/2 mlp ") for line in told) == 2  # both begun before one was over
    document = json.loads(file.read_text())
    assert document["complete"] is True
    assert [(cell["batch_size"], cell["state"]) for cell in document["cells"]] == [
        (32, "measured"),
        (64, "measured"),
    ]
    assert {note["code"] for run in document["runs"] for note in run["notes"]} >= {"through_ray"}
