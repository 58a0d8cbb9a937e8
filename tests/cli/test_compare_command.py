"""`compare`: stored and exported runs against each other, what differs, refused where it means nothing."""

import dataclasses
import json

import pytest

from core import paths
from core.records import JobSpec
from core.runs.files import exchange
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_gpu_result, make_result, make_spec

CPU, GPU = make_result(), make_gpu_result()


@pytest.fixture
def exported(tmp_path):
    def write(name, *results):
        path = tmp_path / name
        exchange.write_json(path, exchange.document(results, created_at="2026-11-20T10:00:00+00:00"))
        return path

    return write


def test_two_files_give_differences_verdict_and_doubts(crossover, exported):
    other = dataclasses.replace(GPU, job_id="job-2")
    code, out, err = crossover("compare", exported("a.json", CPU), exported("b.json", other))
    assert (code, err) == (0, [])
    assert out[0] == "CPU · imported and GPU Test GPU · imported differ in:"
    assert "· The device: cpu and cuda:0. This is what is compared." in out
    assert any("GPU Test GPU · imported trains this 4" in line for line in out)
    assert "Quality: usable" in out
    assert any(line.startswith("! ") and "take turns" in line for line in out)


def test_one_file_with_two_runs_will_do(crossover, exported):
    code, out, _ = crossover("compare", exported("both.json", CPU, GPU))
    assert code == 0
    assert any("trains this 4" in line for line in out)


def test_stored_jobs_and_runs_are_found_by_id(crossover):
    store = Store(paths.database_url())
    for result in (CPU, dataclasses.replace(GPU, job_id="job-2")):
        spec = JobSpec(result.spec.workload, (result.spec.setup,))
        store.add_job(result.job_id, spec, result.created_at, "elsewhere:1:1")
        Keeper(store).results((result,))
    store.close()
    for sources in (("job-1", "job-2"), ("run-cpu", "run-gpu")):
        code, out, err = crossover("compare", *sources)
        assert (code, err) == (0, [])
        assert any("GPU Test GPU trains this 4" in line for line in out)


def test_different_work_is_listed_as_grave_and_gets_no_ratio(crossover, exported):
    other = make_result(id="run-2", job_id="job-2", spec=make_spec(learning_rate=0.1))
    code, out, err = crossover("compare", exported("a.json", CPU), exported("b.json", other))
    assert code == 2
    assert any(line.startswith("‼ The learning rate: 0.01 and 0.1.") for line in out)
    assert not any("faster" in line for line in out)
    assert len(err) == 1
    assert "different work (the learning rate)" in err[0]


def test_a_parity_that_is_broken_is_withheld(crossover, exported):
    other = dataclasses.replace(GPU, first_losses=tuple(1.2 * loss for loss in GPU.first_losses))
    code, out, _ = crossover("compare", exported("a.json", CPU), exported("b.json", other))
    assert code == 0
    assert any(line.startswith("No speed-up is given for GPU Test GPU") for line in out)
    assert "Quality: doubtful" in out


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (("nowhere.json",), "nowhere.json can't be read"),
        (("no-such-job",), "no measurement no-such-job"),
        (("{a}", "{a}"), "can't be compared with itself"),
        (("{empty}",), "holds no runs"),
        (("{text}",), "isn't valid JSON"),
        (("{list}",), "not an object"),
        ((), "FILE|JOB|RUN"),
    ],
)
def test_bad_sources_are_answered_in_one_line(sources, told, crossover, exported, tmp_path):
    (tmp_path / "text.json").write_text("no json")
    (tmp_path / "list.json").write_text(json.dumps([]))
    files = {
        "a": exported("a.json", CPU),
        "empty": exported("empty.json"),
        "text": tmp_path / "text.json",
        "list": tmp_path / "list.json",
    }
    code, out, err = crossover("compare", *(source.format(**files) for source in sources))
    assert (code, out) == (2, [])
    assert len(err) == 1
    assert told in err[0]
