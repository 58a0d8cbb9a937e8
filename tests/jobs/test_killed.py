"""A server that is killed at any moment leaves a database that opens, with all that it told as done."""

import json

import pytest

from benchmarks import killed
from benchmarks.aftermath import Witness
from core.runs.store import Store
from tests.builders import make_result

KILLS = 4  # and one more at the end


def test_a_killed_server_loses_nothing_that_it_told_as_done(tmp_path):
    url = f"sqlite:///{(tmp_path / 'crossover.sqlite3').as_posix()}"
    witness = killed.kill(url, tmp_path, at_work=KILLS, at_start=0)
    faults = witness.faults
    assert not any([faults.unopened, faults.missing, faults.half, faults.forgotten]), faults
    assert witness.finished
    assert witness.imported
    assert witness.interrupted


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"what": "finished", "job": "job-1", "digests": ["of another content"]}, "missing"),
        ({"what": "imported", "runs": ["run-cpu"], "digests": ["of another content"]}, "missing"),
        ({"what": "importing", "runs": ["run-cpu", "run-gpu"]}, "half"),
        ({"what": "submitted", "job": "job-1"}, "missing"),
    ],
)
def test_the_witness_sees_what_is_lost(line, kind, tmp_path):
    url, journal = f"sqlite:///{(tmp_path / 'crossover.sqlite3').as_posix()}", tmp_path / "journal.jsonl"
    store = Store(url)
    store.add_run(make_result())
    store.close()
    journal.write_text(json.dumps(line) + "\n")
    witness = Witness(url, journal)
    witness.look()
    assert len(getattr(witness.faults, kind)) == 1
