"""What went wrong becomes a code that a person can act on; for a full memory, with the batch that fits."""

import errno
import gc
import weakref

import pytest
import torch

from core import messages
from core.errors import InputError, MeasurementError
from core.measure import failures, feeds, loops, models
from core.records import Note
from tests.builders import make_spec

SPEC = make_spec(threads=1)


def explained(problem, data=None, spec=SPEC):
    note = failures.explain(problem, spec, data, 1)
    assert messages.sentence(note.code, note.facts)
    return note


@pytest.mark.parametrize(
    ("problem", "note"),
    [
        (MeasurementError("resident_too_large", needed_gib=9.0, free_gib=1.0), None),
        (MemoryError(), Note("out_of_memory", {"device": "cpu", "batch_size": 64})),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"
            ),
            Note("out_of_memory", {"device": "cpu", "batch_size": 64}),
        ),
        (
            RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be ..."),
            Note("device_failed", {"device": "cpu", "problem": "CUDA error: unspecified launch failure"}),
        ),
        (RuntimeError("mat1 and mat2\nshapes"), Note("torch_failed", {"problem": "mat1 and mat2"})),
        (ValueError(), Note("torch_failed", {"problem": "ValueError"})),
        (
            OSError(errno.EIO, "Input/output error"),
            Note("torch_failed", {"problem": "[Errno 5] Input/output error"}),
        ),
    ],
)
def test_a_failure_has_a_code_and_its_facts(problem, note):
    expected = note or Note("resident_too_large", {"needed_gib": 9.0, "free_gib": 1.0})
    assert explained(problem) == expected


def test_what_torch_calls_an_accelerators_error_is_the_devices():
    assert explained(torch.AcceleratorError("device-side assert triggered")).code == "device_failed"


def test_a_workload_at_fault_is_refused():
    problem = ValueError("Expected more than 1 value per channel when training, got input size [1, 512, 1, 1]")
    with pytest.raises(InputError) as refusal:
        explained(problem)
    assert (refusal.value.code, refusal.value.facts) == ("batch_needs_two", {"model": "mlp"})


@pytest.fixture
def small_device(monkeypatch, no_collections):
    """A device on which a training step of more than `room` images runs out of memory; what was tried."""
    tried = []
    train = loops.train

    def limited(model, feed, optimiser, autocast, **how):
        loop = train(model, feed, optimiser, autocast, **how)

        def run(steps, kept):
            tried.append(feed._batch_size)
            if feed._batch_size > limited.room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate ...")
            loop(steps, kept)

        return run

    limited.tried = tried
    monkeypatch.setattr(loops, "train", limited)
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)  # there is none to ask here
    return limited


@pytest.mark.parametrize(
    ("room", "tried", "fits"), [(40, [32], 32), (20, [32, 16], 16), (1, [32, 16, 8, 4, 2, 1], 1)]
)
def test_the_largest_half_that_fits_is_found(room, tried, fits, small_device, tiny_data):
    small_device.room = room
    note = explained(torch.OutOfMemoryError("CUDA out of memory."), tiny_data)
    assert note == Note("out_of_memory_fits", {"device": "cpu", "batch_size": 64, "fits": fits})
    assert small_device.tried == tried


def test_where_nothing_fits_nothing_is_promised(small_device, tiny_data):
    small_device.room = 0
    note = explained(torch.OutOfMemoryError("CUDA out of memory."), tiny_data)
    assert note == Note("out_of_memory", {"device": "cpu", "batch_size": 64})


def test_images_that_dont_fit_either_are_no_second_failure(small_device, tiny_data, monkeypatch):
    monkeypatch.setattr(feeds, "free_bytes", lambda device: 1000)
    note = explained(torch.OutOfMemoryError("CUDA out of memory."), tiny_data)
    assert note.code == "out_of_memory"


def test_what_failed_is_gone_before_a_smaller_batch_is_tried(run_job, small_device, monkeypatch):
    small_device.room = 16
    built, left_over = [], []
    build = models.build

    def watched(*arguments):
        gc.collect()
        left_over.append([made for made in built if made() is not None])
        model, shape = build(*arguments)
        built.append(weakref.ref(model))
        return model, shape

    monkeypatch.setattr(models, "build", watched)
    events = run_job()
    assert events.of("run_end")[0]["failure"] == {
        "code": "out_of_memory_fits",
        "facts": {"device": "cpu", "batch_size": 64, "fits": 16},
    }
    assert left_over == [[], [], []]  # 64, 32, 16: each with the memory to itself
