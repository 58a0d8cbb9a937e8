"""`import`: what a file holds is shown and kept, nothing twice, and a bad file stops no other."""

import dataclasses
import sys

import pytest

from core import paths
from core.runs.files import exchange, recordings
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_gpu_result, make_result

NOW = "2026-11-22T18:30:00+00:00"
CPU, GPU = make_result(), make_gpu_result()


@pytest.fixture
def exported(tmp_path):
    def write(name, *results):
        path = tmp_path / name
        exchange.write_json(path, exchange.document(results, created_at=NOW))
        return path

    return write


def stored():
    store = Store(paths.database_url())
    try:
        return {row.id: row for row in store.history()}
    finally:
        store.close()


def test_runs_are_told_of_kept_and_found_by_compare(crossover, exported):
    code, out, err = crossover("import", exported("both.json", CPU, GPU))
    assert (code, err) == (0, [])
    assert out[0] == "both.json: 2 added, 0 here already."
    assert out[1].startswith("+ mlp on digits, batch 64, 3 epochs | CPU")
    assert out[1].endswith("(Test CPU) | 160 images/s | Quality: usable")
    assert "NVIDIA Test GPU" in out[2]
    assert {row.origin for row in stored().values()} == {"imported"}
    code, out, _ = crossover("compare", "run-cpu", "run-gpu")
    assert code == 0
    assert any("trains this 4" in line for line in out)


def test_a_second_time_all_are_duplicates(crossover, exported):
    path = exported("both.json", CPU, GPU)
    crossover("import", path)
    code, out, err = crossover("import", path)
    assert (code, err) == (0, [])
    assert out[0] == "both.json: 0 added, 2 here already."
    assert [line[:2] for line in out[1:]] == ["= ", "= "]


def test_a_dry_run_stores_nothing(crossover, exported):
    code, out, _ = crossover("import", "--dry-run", exported("both.json", CPU, GPU))
    assert (code, out[0]) == (0, "both.json: 2 would be added, 0 are here already.")
    assert stored() == {}


def test_a_refused_file_is_told_and_the_next_one_is_read(crossover, exported, tmp_path):
    (tmp_path / "bad.json").write_text("{")
    files = [tmp_path / "none.json", tmp_path / "bad.json", exported("empty.json"), exported("good.json", CPU)]
    code, out, err = crossover("import", *files)
    assert code == 2
    assert [line.split(":")[0] for line in err] == ["error"] * 3
    assert "none.json can't be read" in err[0]
    assert "bad.json isn't valid JSON" in err[1]
    assert "holds no runs" in err[2]
    assert out[0] == "good.json: 1 added, 0 here already."
    assert set(stored()) == {"run-cpu"}


def test_a_run_with_other_content_refuses_its_whole_file(crossover, exported):
    store = Store(paths.database_url())
    Keeper(store).results([CPU])
    store.close()
    other = dataclasses.replace(CPU, first_losses=CPU.first_losses[:-1])
    code, out, err = crossover("import", exported("both.json", GPU, other))
    assert (code, out) == (2, [])
    assert "its run run-cpu is here already, with other content" in err[0]
    assert {row.origin for row in stored().values()} == {"measured"}


def test_recordings_are_checked_by_their_own_rules_and_not_stored(crossover, exported, tmp_path):
    path = recordings.write(tmp_path / "recordings", [CPU, GPU], NOW)
    code, out, err = crossover("import", "--recordings", path)
    assert (code, err, out[0]) == (0, [], f"{path.name}: 2 would be added, 0 are here already.")
    code, out, err = crossover("import", "--recordings", exported("mine.json", CPU))
    assert (code, out) == (2, [])
    assert "mine.json can't be a recording" in err[0]
    assert stored() == {}


def test_without_a_database_a_file_can_still_be_looked_at(crossover, exported, monkeypatch):
    path = exported("both.json", CPU)
    monkeypatch.setattr("core.cli.import_.find_spec", lambda _name: None)
    monkeypatch.setitem(sys.modules, "core.runs.store", None)
    code, _, err = crossover("import", path)
    assert (code, len(err)) == (2, 1)
    assert "needs the Python package SQLAlchemy" in err[0]
    code, out, _ = crossover("import", "--dry-run", path)
    assert (code, out[0]) == (0, "both.json: 1 would be added, 0 are here already.")


def test_without_a_file_the_usage_is_told(crossover):
    code, _, err = crossover("import")
    assert code == 2
    assert "FILE" in err[0]
