"""Recordings: good files load whatever the bad ones hold, and none is ever lost or unlabelled."""

import dataclasses
import json
import os
import re

import pytest

from core import paths
from core.analysis import caveats
from core.analysis.quality import quality
from core.errors import InputError
from core.messages import sentence
from core.records import Device, Note, Setup, Workload
from core.runs.files import exchange, recordings
from tests.builders import make_cpu, make_environment, make_gpu_result, make_machine, make_result

NOW = "2026-11-22T18:30:00+00:00"
H200 = make_environment(device=Device("cuda:0", "NVIDIA H200", "GPU-1"))


def light(result, **changes):
    return dataclasses.replace(result, telemetry=None, anatomy=None, **changes)


def cpu_run(**changes):
    return light(make_result(), **changes)


def gpu_run(**changes):
    return light(make_gpu_result(), **{"environment": H200, **changes})


def on_cpu(model):
    return make_environment(machine=make_machine(cpu=make_cpu(model=model), gpus=()))


def recorded(*results):
    return tuple(dataclasses.replace(result, origin="recorded") for result in results)


def test_what_is_written_is_loaded_and_labelled(tmp_path):
    path = recordings.write(tmp_path / "new", [cpu_run(), gpu_run()], NOW)
    assert path == tmp_path / "new" / "2026-11-22_nvidia-h200.json"
    loaded = recordings.load_all(tmp_path / "new")
    assert {result.id for result in loaded.runs} == {"run-cpu", "run-gpu"}
    assert all(result.origin == "recorded" for result in loaded.runs)
    assert loaded.matching(Workload()) == recorded(cpu_run(), gpu_run())
    assert loaded.bad_files == ()
    data = json.loads(path.read_text())
    assert {run["origin"] for run in data["runs"]} == {"recorded"}
    assert "recorded" in {caveat["code"] for run in data["runs"] for caveat in run["caveats"]}


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        ("AMD EPYC", "amd-epyc"),
        ("AMD EPYC 9654 96-Core Processor", "amd-epyc-9654"),
        ("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", "intel-xeon-e5-2690-v4"),
        ("../../etc/passwd", "etc-passwd"),
        ("处理器", "unnamed"),
    ],
)
def test_a_file_is_named_after_the_hardware_only(tmp_path, model, slug):
    path = recordings.write(tmp_path, [cpu_run(environment=on_cpu(model))], NOW)
    assert path == tmp_path / f"2026-11-22_{slug}.json"


def test_runs_without_hardware_are_not_recorded(tmp_path):
    with pytest.raises(InputError) as refusal:
        recordings.write(tmp_path, [cpu_run(environment=None)], NOW)
    assert refusal.value.code == "recording_without_hardware"
    assert list(tmp_path.iterdir()) == []


def test_a_second_recording_of_the_day_adds_to_the_file(tmp_path):
    first = recordings.write(tmp_path, [gpu_run(id="a"), gpu_run(id="b", blocks=())], NOW)
    second = recordings.write(tmp_path, [gpu_run(id="b"), gpu_run(id="c")], "2026-11-22T23:00:00+00:00")
    assert first == second
    runs = {result.id: result for result in recordings.load_all(tmp_path).runs}
    assert set(runs) == {"a", "b", "c"}
    assert runs["b"].blocks == gpu_run().blocks
    recordings.write(tmp_path, [gpu_run(id="d")], "2026-11-23T00:00:00+00:00")
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_recording_that_cannot_be_read_is_never_overwritten(tmp_path):
    path = recordings.write(tmp_path, [gpu_run()], NOW)
    path.write_text("half a recor")
    with pytest.raises(InputError) as refusal:
        recordings.write(tmp_path, [gpu_run(id="new")], NOW)
    assert refusal.value.code == "file_not_json"
    assert path.read_text() == "half a recor"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refusal:
        recordings.write(tmp_path / "file" / "recordings", [gpu_run()], NOW)
    assert refusal.value.code == "file_not_written"


def test_bad_files_are_named_and_the_others_load(tmp_path):
    recordings.write(tmp_path, [gpu_run()], NOW)
    (tmp_path / "a_text.json").write_text("no JSON")
    (tmp_path / "b_newer.json").write_text('{"schema_version": 99, "runs": []}')
    (tmp_path / "c_list.json").write_text("[]")
    (tmp_path / "d_gone.json").symlink_to(tmp_path / "none")
    exchange.write_json(tmp_path / "e_copy.json", exchange.document([gpu_run()], created_at=NOW))
    (tmp_path / "README.md").write_text("not a recording")
    loaded = recordings.load_all(tmp_path)
    assert loaded.runs == recorded(gpu_run())
    assert [(bad.name, bad.code) for bad in loaded.bad_files] == [
        ("a_text.json", "file_not_json"),
        ("b_newer.json", "document_newer"),
        ("c_list.json", "malformed_record"),
        ("d_gone.json", "file_not_read"),
        ("e_copy.json", "recorded_twice"),
    ]
    for bad in loaded.bad_files:
        sentence(bad.code, bad.facts)


def test_matching_is_of_the_workload_and_newest_first(tmp_path):
    large = dataclasses.replace(gpu_run().spec, workload=Workload(model="resnet18"))
    times = ["2026-11-20T10:00:00+00:00", "2026-11-22T10:00:00+00:00", "2026-11-21T10:00:00+00:00"]
    runs = [gpu_run(id=time[8:10], created_at=time) for time in times]
    recordings.write(tmp_path, [*runs, gpu_run(id="large", spec=large)], NOW)
    loaded = recordings.load_all(tmp_path)
    assert [result.id for result in loaded.matching(Workload())] == ["22", "21", "20"]
    assert [result.id for result in loaded.matching(Workload(model="resnet18"))] == ["large"]
    assert loaded.matching(Workload(seed=5)) == ()
    assert {result.spec.setup for result in loaded.runs} == {Setup(device="cuda:0")}


def test_a_file_is_parsed_again_only_when_it_changes(tmp_path, monkeypatch):
    path = recordings.write(tmp_path, [gpu_run()], NOW)
    (tmp_path / "bad.json").write_text("[")
    parsed = []
    parse = exchange.read_json
    monkeypatch.setattr(exchange, "read_json", lambda path: parsed.append(path.name) or parse(path))
    first = recordings.load_all(tmp_path)
    assert recordings.load_all(tmp_path) == first
    assert sorted(parsed) == [path.name, "bad.json"]
    now = path.stat()
    os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns + 1))
    recordings.load_all(tmp_path)
    assert sorted(parsed) == [path.name, path.name, "bad.json"]


def test_no_folder_means_no_recordings(tmp_path):
    assert recordings.load_all(tmp_path / "none") == recordings.Recordings((), ())


def test_the_shipped_recordings_all_load():
    assert recordings.load_all(paths.recordings_dir()).bad_files == ()


# --- fit to be shipped


def test_the_folder_holds_recordings_and_their_guide_only():
    names = {path.name for path in paths.recordings_dir().iterdir()}
    assert {name for name in names if not re.fullmatch(r"\d{4}-\d\d-\d\d_[a-z0-9-]+\.json", name)} == {
        "README.md"
    }


@pytest.mark.parametrize("path", sorted(paths.recordings_dir().glob("*.json")), ids=lambda path: path.name)
def test_a_shipped_recording_is_sound_whole_and_names_nobody(path):
    for result in recordings.check(path):
        assert quality(result).badge in ("good", "usable", "doubtful")
        assert all(sentence(caveat.code, caveat.facts) for caveat in caveats.of_run(result))


def test_what_is_recorded_is_fit(tmp_path):
    path = recordings.write(tmp_path, [cpu_run(), gpu_run()], NOW)
    assert recordings.check(path) == recorded(cpu_run(), gpu_run())


def with_home(result):
    problem = "no space left on /home/alice/.cache"
    return dataclasses.replace(result, notes=(Note("data_not_cached", {"problem": problem}),))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.pop("content_hash"), "no content hash"),
        (lambda data: data["runs"][0].update(origin="measured"), "isn't marked as recorded"),
        (
            lambda data: data.update(created_at="2026-11-23T01:00:00+00:00"),
            "should be 2026-11-23_nvidia-h200.json",
        ),
        (lambda data: data.update(created_at="soon"), "isn't a time"),
        (lambda data: data.pop("created_at"), "isn't a time"),
    ],
)
def test_a_file_that_was_tampered_with_is_unfit(tmp_path, change, told):
    path = recordings.write(tmp_path, [gpu_run()], NOW)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    assert told in unfit(path)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (gpu_run(blocks=()), "no timed blocks"),
        (gpu_run(id="other", environment=None), "on which hardware"),
        (with_home(gpu_run()), "personal: /home/alice"),
    ],
)
def test_a_run_that_nobody_else_can_use_is_unfit(tmp_path, monkeypatch, result, told):
    monkeypatch.setattr(exchange, "masked", lambda result: result)  # as a file that another program has written
    assert told in unfit(recordings.write(tmp_path, [gpu_run(id="first"), result], NOW))


@pytest.mark.parametrize("text", ["C:\\Users\\bob\\x", "/Users/eve", "/root/x", "me@example.org", "gpu7.lan"])
def test_what_names_a_person_or_a_machine_is_found(tmp_path, monkeypatch, text):
    monkeypatch.setattr(exchange, "masked", lambda result: result)
    failed = gpu_run(failure=Note("torch_failed", {"problem": f"can't open {text}"}))
    assert "something personal" in unfit(recordings.write(tmp_path, [failed], NOW))


def test_a_changed_recording_is_unfit(tmp_path):
    path = recordings.write(tmp_path, [gpu_run()], NOW)
    data = json.loads(path.read_text())
    data["runs"][0]["blocks"][3]["loss"] += 0.1
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as refusal:
        recordings.check(path)
    assert refusal.value.code == "file_changed"


def unfit(path):
    with pytest.raises(InputError) as refusal:
        recordings.check(path)
    assert refusal.value.code == "unfit_recording"
    return sentence(refusal.value.code, refusal.value.facts)
