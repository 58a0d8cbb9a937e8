"""What a sweep may be asked: batch sizes and widths from text, empty and oversized grids, strangers' limits."""

import dataclasses

import pytest

from core.errors import InputError
from core.records import Setup
from core.runs.admission import Limits as Bounds
from core.runs.sweeping.sweep import SweepSpec, check_spec, parse_batch_sizes, parse_widths
from tests.sweeps import BATCHES

CPU, GPU = Setup(threads=1), Setup("cuda:0")
SPEC = SweepSpec(("mlp",), BATCHES, (CPU, GPU), max_seconds=300.0)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("16..8192", BATCHES),
        ("1..64", (1, 2, 4, 8, 16, 32, 64)),
        ("16,64,256", (16, 64, 256)),
        (" 256, 16 ", (16, 256)),
        ("100..1000", (100, 128, 256, 512, 1000)),
        ("16..16", (16,)),
        ("16..64,100", (16, 32, 64, 100)),
    ],
)
def test_batch_sizes_are_read(text, sizes):
    assert parse_batch_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "sweep_no_batches"),
        ("  ", "sweep_no_batches"),
        ("64..16", "batches_reversed"),
        ("1.5", "batches_not_read"),
        ("many", "batches_not_read"),
        ("16..", "batches_not_read"),
        ("16,,64", "batches_not_read"),
        ("-4..16", "batches_not_read"),
        ("9" * 5000, "batches_not_read"),
        ("0..16", "out_of_range"),
        ("16..70000", "out_of_range"),
        ("16,16", "sweep_twice"),
        ("16..64,32", "sweep_twice"),
    ],
)
def test_what_isnt_a_batch_size_is_refused(text, code):
    with pytest.raises(InputError) as refusal:
        parse_batch_sizes(text)
    assert refusal.value.code == code


def test_widths_are_models():
    assert parse_widths("256..1024") == ("mlp_256", "mlp", "mlp_1024")
    with pytest.raises(InputError):
        parse_widths("16..20000")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"models": ()}, "sweep_no_models"),
        ({"batch_sizes": ()}, "sweep_no_batches"),
        ({"setups": ()}, "setups_count"),
        ({"setups": tuple(Setup(f"cuda:{n}") for n in range(9))}, "setups_count"),
        ({"setups": (CPU, CPU)}, "setups_equal"),
        ({"models": ("mlp", "mlp")}, "sweep_twice"),
        ({"batch_sizes": (16, 16)}, "sweep_twice"),
        ({"batch_sizes": (0,)}, "out_of_range"),
        ({"batch_sizes": (2.5,)}, "not_whole"),
        ({"batch_sizes": tuple(range(1, 402))}, "sweep_too_large"),
        ({"max_seconds": 0.5}, "out_of_range"),
        ({"max_seconds": float("nan")}, "out_of_range"),
        ({"max_seconds": 1e6}, "out_of_range"),
        ({"models": ("../x",)}, "bad_model_name"),
        ({"dataset": "nowhere"}, "unknown_dataset"),
        ({"learning_rate": -1.0}, "not_positive"),
    ],
)
def test_what_cant_be_swept_is_refused(changes, code):
    with pytest.raises(InputError) as refusal:
        check_spec(dataclasses.replace(SPEC, **changes))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_seconds": 121.0}, "out_of_range"),
        ({"batch_sizes": tuple(range(1, 14))}, "sweep_too_large"),
        ({"models": ("resnet50",)}, "only_offered_models"),
        ({"batch_sizes": (8192,)}, "out_of_range"),
        ({"setups": (Setup(), Setup(step="compiled"))}, "only_plain_setups"),
    ],
)
def test_strangers_may_sweep_less(changes, code):
    public = dataclasses.replace(SPEC, batch_sizes=(16, 64), max_seconds=120.0)
    check_spec(public, Bounds.public())
    with pytest.raises(InputError) as refusal:
        check_spec(dataclasses.replace(public, **changes), Bounds.public())
    assert refusal.value.code == code
