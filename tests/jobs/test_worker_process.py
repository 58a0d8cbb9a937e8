"""The real measuring process: its protocol, and that it never outlives whoever started it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core.codec import to_plain
from core.errors import MeasurementError
from core.records import JobSpec, Setup
from core.runs.queue.worker import Worker
from tests.builders import make_workload
from tests.jobs.children import PATIENCE_S, ROOT, is_gone

ONE = Setup(threads=1)


def tiny(*setups, max_seconds=20.0, **work):
    work = {"dataset": "synthetic:1x28x28,images=640", "epochs": 1, **work}
    return JobSpec(make_workload(**work), setups or (ONE,), max_seconds, 100.0)


LONG = tiny(dataset="synthetic:1x28x28,images=6400", epochs=1000, max_seconds=3000.0)


@pytest.fixture(scope="module")
def worker():
    """One process for the tests that leave it in order."""
    started = Worker()
    yield started
    started.close()
    assert started._process.returncode == 3  # closed while idle, it ends by itself


def events_of(worker, job, tmp_path):
    return list(worker.run(job, tmp_path, time.perf_counter()))


def test_it_says_what_it_computes_with(worker):
    assert worker.devices[0].id == "cpu"
    assert worker.software.torch
    assert worker.software.default_threads >= 1
    assert worker.start_s > 0
    assert worker.alive


def test_a_job_is_told_from_its_data_to_its_end(worker, tmp_path):
    events = events_of(worker, tiny(ONE, Setup(threads=1, data_path="loader")), tmp_path)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "data"
    assert [event["status"] for event in events if event["type"] == "run_end"] == ["finished"] * 2
    assert kinds[-1] == "run_end"  # its end is the stream's
    blocks = [event["block"] for event in events if event["type"] == "block"]
    starts = [block["start_s"] for block in blocks]
    assert starts == sorted(starts)  # on the parent's clock, from the job's start
    assert starts[0] > 0
    assert starts[-1] < PATIENCE_S


def test_only_the_first_job_pays_for_the_start_and_a_kill_is_told(tmp_path):
    fresh = Worker()
    paid = []
    for _ in range(2):
        warm = [event for event in events_of(fresh, tiny(), tmp_path) if event["type"] == "warm"]
        paid.append(warm[0]["cold_start"]["worker_start_s"])
    assert paid == [fresh.start_s, None]

    events = fresh.run(LONG, tmp_path, time.perf_counter())
    assert any(event["type"] == "block" for event in events)
    os.kill(fresh.pid, signal.SIGKILL)
    with pytest.raises(MeasurementError) as failure:
        list(events)
    assert failure.value.code == "worker_killed"
    assert not fresh.alive
    with pytest.raises(MeasurementError):  # nor does it take another job
        list(fresh.run(LONG, tmp_path, time.perf_counter()))


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (tiny(batch_size=641), "batch_too_large"),
        (tiny(Setup(device="cuda:77")), "unknown_device"),
        (tiny(model="resnet81"), "unknown_model"),
        (tiny(dataset="synthetic:0x1x1"), "bad_synthetic"),
    ],
)
def test_input_that_cant_be_is_answered_and_the_process_lives_on(job, code, worker, tmp_path):
    (error,) = [event for event in events_of(worker, job, tmp_path) if event["type"] == "error"]
    assert (error["kind"], error["code"]) == ("input", code)
    assert events_of(worker, tiny(), tmp_path)[-1]["type"] == "run_end"


TALKATIVE = """
import os, subprocess, sys
import core.measure.__main__ as process
from core.measure import job

def run(spec, context, emit):
    print("a library greets")
    sys.stdout.write('{"type": "end"}\\n')
    os.write(1, b"so does one written in C\\n")
    subprocess.run([sys.executable, "-c", "print('and a child of it')"])
    emit("data", stage="prepare", fraction=1.0)
    return False

job.run = run
sys.exit(process.main())
"""


def test_what_libraries_print_doesnt_break_the_protocol(tmp_path):
    talkative = Worker((sys.executable, "-c", TALKATIVE))
    try:
        for _ in range(2):
            assert events_of(talkative, tiny(), tmp_path) == [
                {"type": "data", "stage": "prepare", "fraction": 1.0}
            ]
        said = "\n".join(talkative._stderr)
    finally:
        talkative.close()
    assert "a library greets" in said
    assert "so does one written in C" in said


def test_in_mid_run_it_ends_with_its_parent(tmp_path):
    """The end of its standard input is all that it learns of a parent that was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.measure"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert json.loads(process.stdout.readline())["type"] == "hello"
        message = {
            "job": to_plain(LONG),
            "data_root": str(tmp_path),
            "worker_start_s": None,
            "clock_origin": 0.0,
        }
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        assert any(json.loads(line)["type"] == "block" for line in process.stdout)
        process.send_signal(signal.SIGINT)  # the terminal's Ctrl-C reaches it too: the parent handles it
        assert any(json.loads(line)["type"] == "block" for line in process.stdout)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 3
    finally:
        process.kill()
        process.wait()
    assert is_gone(process.pid)
