"""Random images of the shape that is asked for, the same for the same seed."""

from types import SimpleNamespace

import psutil
import pytest
import torch

from core.errors import InputError
from core.measure.data import synthetic


def make(name, seed=0):
    return synthetic.prepare(name, seed, None, lambda *_: None)


def test_by_default_they_are_like_mnist():
    data = make("synthetic")
    assert (data.train_x.shape, data.train_x.dtype) == ((60_000, 1, 28, 28), torch.uint8)
    assert (data.train_y.shape, data.train_y.dtype) == ((60_000,), torch.int64)
    assert data.classes == 10
    assert set(data.train_y.tolist()) == set(range(10))
    assert (int(data.train_x.min()), int(data.train_x.max())) == (0, 255)


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("synthetic:3x8x6,classes=1000,images=7", (7, 3, 8, 6), 1000),
        ("synthetic:2x5x5,images=9", (9, 2, 5, 5), 10),
        ("synthetic:1x4x4,classes=2", (60_000, 1, 4, 4), 2),
        ("synthetic:3x1024x1024,classes=3", (256, 3, 1024, 1024), 3),  # as many as memory takes, and enough
    ],
)
def test_the_name_says_it_all(name, shape, classes, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * 2**30))
    if shape[0] * shape[1] * shape[2] * shape[3] > 2**26:  # asked for, not made: it would take a second
        monkeypatch.setattr(torch, "randint", lambda low, high, size, **_: torch.zeros(1).expand(size))
        monkeypatch.setattr(synthetic, "fingerprint", lambda *_: "")
    data = make(name)
    assert data.train_x.shape == shape
    assert data.shape == shape[1:]
    assert data.classes == classes
    assert (len(data.test_x), len(data.test_y)) == (0, 0)  # there is nothing to learn


def test_a_seed_says_all():
    name = "synthetic:1x8x8,images=50"
    torch.manual_seed(1)
    first = make(name, 3)
    torch.manual_seed(2)
    assert torch.equal(make(name, 3).train_x, first.train_x)
    assert make(name, 3).fingerprint == first.fingerprint
    assert make(name, 4).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    "name",
    [
        "synthetic:",
        "synthetic:28x28",
        "synthetic:1x28x28x28",
        "synthetic:0x28x28",
        "synthetic:1x0x28",
        "synthetic:-1x28x28",
        "synthetic:1x28x28,images=0",
        "synthetic:1x28x28,classes=1",
        "synthetic:1x28x28,classes=",
        "synthetic:1x28x28,images=5,classes=2",
        "synthetic:1x28x28 ",
        "synthetics",
    ],
)
def test_a_name_that_isnt_understood(name):
    with pytest.raises(InputError) as refusal:
        make(name)
    assert (refusal.value.code, refusal.value.facts) == ("bad_synthetic", {"dataset": name})


def test_more_than_memory_holds_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(torch, "randint", None)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    with pytest.raises(InputError) as refusal:
        make("synthetic:3x1000x1000,images=99999999")
    assert refusal.value.code == "data_too_large"
