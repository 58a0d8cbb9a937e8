"""`python -m core export`: which file is written, from which sources, and what is refused."""

from __future__ import annotations

import json

import pytest

from core.cli import export, main
from core.errors import InputError
from core.records import JobSpec
from core.runs.files import exchange
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from core.sharing import formats
from tests.builders import make_gpu_result, make_result
from tests.traces import make_watched

NOW = "2026-11-29T10:00:00+00:00"
PAIR = make_result(), make_gpu_result()


@pytest.fixture(autouse=True)
def _own_database(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'results.sqlite3'}")
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setattr(export.environment, "machine", lambda: PAIR[0].environment.machine)


@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "runs.json"
    exchange.write_json(path, exchange.document(PAIR, created_at=NOW))
    return path


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.json", '{\n "schema_version"'),
        ("a.csv", "id,job_id,created_at"),
        ("a.blocks.csv", "run_id,job_id"),
        ("A.HTML", "<!doctype html>"),
        ("a.md", "**GPU Test GPU"),
        ("a.benchmark.json", '{\n "machine_info"'),
    ],
)
def test_the_ending_says_what_is_written(exported, tmp_path, name, begins):
    assert main(["export", str(exported), "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text("utf-8").startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["runs.json", name])


def test_the_format_can_be_named_whatever_the_ending(exported, tmp_path):
    out = tmp_path / "result.txt"
    assert main(["export", str(exported), "--out", str(out), "--format", "csv"]) == 0
    assert out.read_text("utf-8").startswith("id,job_id")


def test_an_earlier_file_is_replaced(exported, tmp_path):
    out = tmp_path / "a.md"
    out.write_text("old")
    link = "https://example.org/result"
    assert main(["export", str(exported), "--out", str(out), "--link", link]) == 0
    assert f"<{link}>" in out.read_text("utf-8")


def test_stored_jobs_and_runs_are_sources_too(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'results.sqlite3'}")
    spec = JobSpec(PAIR[0].spec.workload, tuple(run.spec.setup for run in PAIR), 30.0)
    store.add_job("job-1", spec, NOW, "elsewhere:1:1")
    Keeper(store).results(PAIR)
    store.set_job_state("job-1", "finished")
    store.close()
    for source, count in (("job-1", 2), ("run-gpu", 1)):
        assert main(["export", source, "run-gpu", "--out", str(tmp_path / "a.json")]) == 0
        data = json.loads((tmp_path / "a.json").read_text("utf-8"))
        assert len(data["runs"]) == count
        assert len(exchange.read_document(data)) == count


def test_watched_steps_are_written_as_a_trace(tmp_path):
    path = tmp_path / "runs.json"
    exchange.write_json(path, exchange.document([make_watched()], created_at=NOW))
    assert main(["export", str(path), "--out", str(tmp_path / "a.trace.json")]) == 0
    assert "traceEvents" in json.loads((tmp_path / "a.trace.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("out", "more", "said"),
    [
        ("a.xlsx", (), "The ending of a.xlsx doesn't say what to write"),
        ("a.trace.json", (), "No step of these runs was watched"),
        ("nowhere/a.md", (), "There is no folder"),
        ("a.md", ("--link", "javascript:x"), "javascript:x isn't a web address"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line_and_nothing_is_written(
    exported, tmp_path, capsys, out, more, said
):
    assert main(["export", str(exported), "--out", str(tmp_path / out), *more]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs.json"]


def test_an_unknown_source_is_told(tmp_path, capsys):
    assert main(["export", "job-9", "--out", str(tmp_path / "a.md")]) == 2
    assert "There is no measurement job-9 here" in capsys.readouterr().err


def test_a_report_without_plotly_is_refused_and_the_rest_works(exported, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert main(["export", str(exported), "--out", str(tmp_path / "a.html")]) == 2
    assert "plotly, jinja2" in capsys.readouterr().err
    assert main(["export", str(exported), "--out", str(tmp_path / "a.csv")]) == 0


def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch):
    out = tmp_path / "a.md"
    exchange.write_text(out, "old")

    def fail(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exchange.os, "fsync", fail)
    with pytest.raises(InputError) as problem:
        exchange.write_text(out, "new")
    assert problem.value.facts == {"name": "a.md", "problem": "No space left on device"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert out.read_text("utf-8") == "old"


def test_lines_end_as_they_were_made(tmp_path):
    """The report's scripts are known by their hashes, and a table's rows end as CSV has it."""
    exchange.write_text(tmp_path / "a.csv", "a\r\nb\n")
    assert (tmp_path / "a.csv").read_bytes() == b"a\r\nb\n"
