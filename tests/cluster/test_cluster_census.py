"""What a node offers, its labels and its own answer become targets; and the code that it is sent."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import pytest

from core.cluster import away, census, code, facts, last_words
from core.cluster.node import LEFT_ALONE
from core.codec import to_plain
from core.messages import sentence
from core.records import Gpu, Note
from tests.builders import make_machine

H200 = Gpu(0, "NVIDIA H200", "GPU-1", None, None, None)
RAYS, OWNERS = "ray.io/accelerator-type", "crossover.io/kind"
SILENT = Note("node_silent", {"seconds": 20.0})


def found(gpus=(), labels=None, offers=0, free=None, missing=(), version="v", answer=None):
    machine = replace(make_machine(), gpus=gpus)
    said = {
        "code": version,
        "missing": list(missing),
        "packages": [["torch", "2"]],
        "machine": to_plain(machine),
    }
    node = {"NodeID": "n", "Labels": labels or {}, "Resources": {"CPU": 8.0, "GPU": float(offers)}}
    now = {"CPU": 8.0, "GPU": float(offers)} | (free or {})
    return census._of_node(node, answer or said, now, "v")


def test_a_processor_alone():
    (cpu,) = found()
    assert (cpu.id, cpu.kind, cpu.state, cpu.problem) == ("n/cpu", make_machine().cpu.model, "free", None)
    assert cpu.packages == (("torch", "2"),)
    assert [item.kind for item in found(labels={OWNERS: "old ones"})] == ["old ones"]


def test_a_gpu_and_its_processor_are_two_kinds():
    cpu, gpu = found((H200,), offers=2)
    assert (cpu.device, cpu.kind) == ("cpu", make_machine().cpu.model)
    assert (gpu.device, gpu.kind, gpu.count, gpu.state, gpu.problem) == (
        "cuda:0",
        "NVIDIA H200",
        2,
        "free",
        None,
    )
    for labels, kind in (({RAYS: "H200"}, "H200"), ({RAYS: "H200", OWNERS: "new"}, "new")):
        cpu, gpu = found((H200,), labels, offers=1)
        assert (cpu.kind, gpu.kind, gpu.problem) == (make_machine().cpu.model, kind, None)


@pytest.mark.parametrize(
    ("gpus", "offers", "state", "code"),
    [
        ((H200,), 1, "free", "kind_not_as_labelled"),
        ((), 1, "unfit", "gpu_not_there"),
        ((H200,), 0, "unfit", "gpu_not_offered"),
    ],
)
def test_a_label_that_promises_what_is_not_there(gpus, offers, state, code):
    cpu, gpu = found(gpus, {RAYS: "A100-80G"}, offers)
    assert (gpu.kind, gpu.state, gpu.problem.code) == ("A100-80G", state, code)
    assert (cpu.state, cpu.problem) == ("free", None)


def test_a_label_may_be_shorter_than_the_name():
    name = replace(H200, name="NVIDIA A100-SXM4-80GB")
    assert found((name,), {RAYS: "A100-80G"}, 1)[1].problem is None


@pytest.mark.parametrize(
    ("free", "states"),
    [({"CPU": 7.0}, ["busy", "busy"]), ({"GPU": 0.0}, ["free", "busy"]), ({}, ["free", "free"])],
)
def test_what_others_have_reserved(free, states):
    assert [item.state for item in found((H200,), offers=1, free=free)] == states


def test_a_node_that_cannot_measure():
    for answer in (SILENT, Note("node_broken", {"last_words": "no"})):
        cpu, gpu = found(labels={RAYS: "H200"}, offers=1, answer=answer)
        assert (cpu.state, gpu.state, cpu.problem, gpu.problem) == ("unfit", "unfit", answer, answer)
        assert (cpu.kind, gpu.kind, cpu.machine) == ("CPU", "H200", None)
    (cpu,) = found(missing=("torch", "psutil"))
    assert (cpu.state, cpu.problem.facts) == ("unfit", {"packages": "torch psutil"})
    (cpu,) = found(version="other")
    assert (cpu.state, cpu.problem.code) == ("unfit", "node_other_version")


def test_a_cluster_without_processors_has_nothing_to_measure_on(monkeypatch):
    monkeypatch.setattr(
        census.ray, "nodes", lambda: [{"NodeID": "h", "Alive": True, "Resources": {"GPU": 1.0}}]
    )
    assert census.targets("v") == []


def test_what_a_node_says_here(monkeypatch):
    told = facts.look()
    assert told["code"] == code.fingerprint()
    assert told["missing"] == []
    assert told["machine"]["cpu"]["model"]
    monkeypatch.setattr(facts, "NEEDED", ("torch", "no-such-package", "psutil-no"))
    assert facts.look()["missing"] == ["no-such-package", "psutil-no"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"one\n{LEFT_ALONE}", "node_left_alone"),
        ("Killed", "node_process_lost"),
        (None, "node_lost"),
    ],
)
def test_why_a_job_ended_without_results(monkeypatch, words, code):
    monkeypatch.setattr(away.last_words, "of", lambda *_: words)
    job = away.Away({"node": "n", "kind": "small"}, lambda _: None, lambda: True)
    job._pid = 7
    problem = job._cause(ValueError("gone"))
    assert problem.code == code
    assert sentence(problem.code, problem.facts)


def test_the_last_words_are_of_the_process_that_had_the_number_last(tmp_path, monkeypatch):
    for worker, words, written_s in (("a", "ours", 2), ("b", "of long ago", 1)):
        file = tmp_path / f"worker-{worker}-01000000-7.err"
        file.write_text(f"{words}\n")
        os.utime(file, (written_s, written_s))
    here = SimpleNamespace(get_logs_dir_path=lambda: str(tmp_path))
    monkeypatch.setattr(last_words.ray._private.worker, "_global_node", here)
    assert last_words._read(7).splitlines()[-1] == "ours"


def test_a_job_that_fails_in_the_driver_is_over(monkeypatch):
    driver = import_module("core.cluster.__main__").Driver(io.StringIO())
    job = away.Away({"node": "n", "kind": "small"}, lambda _: None, lambda: True)

    def fail():
        raise ValueError("what nobody thought of")

    monkeypatch.setattr(job, "run", fail)
    driver._jobs["j"] = job
    driver._follow("j", job)
    told = json.loads(driver._out.getvalue())
    assert (told["type"], told["problem"]["facts"]["last_words"]) == ("over", "what nobody thought of")


def test_what_is_sent_is_the_code_and_its_fingerprint_tells_it(tmp_path):
    with code.parcel() as folder:
        assert [path.name for path in folder.iterdir()] == ["core"]
        assert code.fingerprint(folder) == code.fingerprint()
        assert not list(folder.rglob("__pycache__"))
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 5_000_000
        changed = folder / "core" / "codec.py"
        changed.write_text(changed.read_text() + "\n")
        assert code.fingerprint(folder) != code.fingerprint()
    assert not folder.exists()
