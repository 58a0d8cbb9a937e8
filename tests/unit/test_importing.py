"""What importing a file would do: all of it or nothing, and nothing twice."""

import dataclasses
import json

import pytest

from core.errors import InputError
from core.messages import sentence
from core.runs.files import exchange
from core.runs.files.importing import plan
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_gpu_result, make_result

CPU, GPU = make_result(), make_gpu_result()


def content_of(*results):
    return json.dumps(exchange.document(results, created_at="2026-11-22T18:30:00+00:00")).encode()


def known(*results):
    return {result.id: result for result in results}.get


def test_all_runs_are_new_where_none_is_known():
    found = plan("runs.json", content_of(CPU, GPU), known())
    assert (found.name, [run.id for run in found.new], found.duplicates) == (
        "runs.json",
        ["run-cpu", "run-gpu"],
        (),
    )
    assert {run.origin for run in found.new} == {"imported"}


@pytest.mark.parametrize("origin", ["measured", "recorded", "imported"])
def test_a_run_that_is_here_with_the_same_content_is_a_duplicate_wherever_it_is_from(origin):
    found = plan("runs.json", content_of(CPU, GPU), known(dataclasses.replace(CPU, origin=origin)))
    assert ([run.id for run in found.new], [run.id for run in found.duplicates]) == (["run-gpu"], ["run-cpu"])


def test_another_run_by_a_known_id_refuses_the_whole_file():
    other = dataclasses.replace(GPU, first_losses=GPU.first_losses[:-1])
    with pytest.raises(InputError) as refused:
        plan("runs.json", content_of(CPU, GPU), known(other))
    assert refused.value.code == "import_conflict"
    assert "run-gpu is here already" in sentence(refused.value.code, refused.value.facts)


def test_a_file_without_runs_is_refused():
    with pytest.raises(InputError) as refused:
        plan("runs.json", content_of(), known())
    assert (refused.value.code, refused.value.facts) == ("no_runs_in_file", {"name": "runs.json"})


def test_what_is_imported_is_a_duplicate_the_second_time(tmp_path):
    store = Store(f"sqlite:///{(tmp_path / 'runs.sqlite3').as_posix()}")
    content = content_of(CPU, GPU)
    assert Keeper(store).results(plan("runs.json", content, store.run).new) is None
    again = plan("runs.json", content, store.run)
    assert (again.new, len(again.duplicates), store.count()) == ((), 2, 2)
    # and exported from there it is still the same
    moved = content_of(*(store.run(run.id) for run in (CPU, GPU)))
    assert len(plan("runs.json", moved, known(CPU, GPU)).duplicates) == 2
    store.close()
