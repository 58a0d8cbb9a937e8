"""The torch room in this process: one prepared digits for all, switches put back, jobs that take a moment."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
import torch

from core import paths
from core.errors import CrossoverError
from core.measure import anatomy, data, devices, failures, job
from core.measure.data.prepared import Prepared, fingerprint
from core.records import JobSpec, Setup
from tests.builders import make_workload

TINY = "synthetic:1x28x28,images=640"  # ten batches of 64


@pytest.fixture
def no_collections(monkeypatch):
    """A test process is large: looking through all of it takes longer than a tiny job."""
    idle = SimpleNamespace(collect=lambda: 0, freeze=lambda: None, unfreeze=lambda: None)
    monkeypatch.setattr(job, "gc", idle)
    monkeypatch.setattr(failures, "gc", idle)


@pytest.fixture(autouse=True)
def _torch_as_it_was():
    """Threads and arithmetic are switches of the whole process. One thread: the machine may be busy."""
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    threads, before = torch.get_num_threads(), (matmul.fp32_precision, conv.fp32_precision)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    matmul.fp32_precision, conv.fp32_precision = before


@pytest.fixture(scope="session")
def digits_data():
    """The real digits, prepared once for the session; worker processes find the same cache."""
    return data.prepare("digits", 0, paths.datasets_dir(), lambda *_: None)


@pytest.fixture
def tiny_data():
    """Random images as Prepared, with a test set: 640 to train on, 100 to test on."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randint(0, 256, (740, 1, 28, 28), generator=generator, dtype=torch.uint8)
    y = torch.randint(0, 10, (740,), generator=generator)
    return Prepared(x[:640], y[:640], x[640:], y[640:], 10, fingerprint(x, y))


class Events(list):
    """What a job emitted, in order; each event must be JSON without NaN."""

    def __call__(self, kind, **fields):
        self.append(json.loads(json.dumps({"type": kind, **fields}, allow_nan=False)))

    def of(self, kind, run=None):
        return [event for event in self if event["type"] == kind and run in (None, event.get("run"))]

    def statuses(self):
        return {event["run"]: event["status"] for event in self.of("run_end")}


@pytest.fixture
def run_job(tmp_path, monkeypatch, no_collections):
    """Run a job of tiny synthetic data in this process; its events, `error` being what it raised."""
    monkeypatch.setattr(job, "_BLOCK_SECONDS", (0.005, 0.05))
    monkeypatch.setattr(job, "_RESTING_SECONDS", 0.005)
    monkeypatch.setattr(job, "LEAD_IN_S", 0.001)
    monkeypatch.setattr(job, "_ROUGH_LEAD_IN_S", 0.001)
    monkeypatch.setattr(anatomy, "_STEPS", (3, 6))

    def run(*setups, max_seconds=20.0, target_pct=100.0, **options):
        named = ("limits", "rough", "trace", "lessons", "until_accuracy")
        asked = {name: options.pop(name) for name in named if name in options}
        work = {"dataset": TINY, "epochs": 2, **options}
        spec = JobSpec(make_workload(**work), setups or (Setup(threads=1),), max_seconds, target_pct, **asked)
        context = job.Context(devices.available(), 1, tmp_path, 1.5, time.perf_counter())
        events = Events()
        events.error = None
        try:
            job.run(spec, context, events)
        except CrossoverError as problem:
            events.error = problem
        return events

    return run
