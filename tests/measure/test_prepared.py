"""The cache on disk: what comes back is what went in, and a disk that won't is said so and no more."""

import dataclasses
import errno
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from core import messages
from core.errors import InputError
from core.measure import data as datasets
from core.measure.data import prepared
from core.records import Note

TENSORS = ("train_x", "train_y", "test_x", "test_y")


@pytest.fixture
def skipped(tiny_data):
    return dataclasses.replace(tiny_data, notes=(Note("images_skipped", {"count": 1, "example": "né.png"}),))


def same(one, other):
    return (
        all(torch.equal(getattr(one, name), getattr(other, name)) for name in TENSORS)
        and (one.classes, one.fingerprint) == (other.classes, other.fingerprint)
        and one.notes == other.notes
    )


def test_the_cache_gives_back_what_it_was_given(skipped, tmp_path):
    assert prepared.load(tmp_path / "cache") is None
    assert prepared.save(skipped, tmp_path / "cache") is skipped
    again = prepared.load(tmp_path / "cache")
    assert same(again, skipped)  # also the note: the second reader must know too
    assert [getattr(again, name).dtype for name in TENSORS] == [torch.uint8, torch.int64] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_damaged_cache_is_cleared_away(tiny_data, tmp_path):
    folder = tmp_path / "cache"
    for name in [*(f"{name}.npy" for name in TENSORS), "facts.json"]:
        prepared.save(tiny_data, folder)
        (folder / name).write_bytes((folder / name).read_bytes()[:-7])
        assert prepared.load(folder) is None
        assert not folder.exists()


@pytest.mark.parametrize("where", ["an array", "the folder"])
def test_on_a_full_disk_the_data_is_used_all_the_same(skipped, tmp_path, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "an array":
        monkeypatch.setattr(np, "save", full)
    else:
        monkeypatch.setattr(prepared.tempfile, "mkdtemp", full)
    kept = prepared.save(skipped, tmp_path / "cache")
    note = Note("data_not_cached", {"problem": "No space left on device"})
    assert same(kept, dataclasses.replace(skipped, notes=(*skipped.notes, note)))
    assert list(tmp_path.iterdir()) == []  # nothing half-written stays
    assert "No space left" in messages.sentence(note.code, note.facts)


def test_where_no_folder_can_be_made_the_data_is_used_all_the_same(tiny_data, tmp_path):
    (tmp_path / "datasets").write_text("a file stands in the way")
    kept = prepared.save(tiny_data, tmp_path / "datasets" / "cache")
    assert [note.code for note in kept.notes] == ["data_not_cached"]


def test_of_two_that_prepare_at_once_the_first_is_kept(tiny_data, tmp_path):
    folder = tmp_path / "cache"
    prepared.save(tiny_data, folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert prepared.save(tiny_data, folder) is tiny_data
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_the_fingerprint_is_of_the_bytes():
    x = torch.arange(12, dtype=torch.uint8).view(3, 4)
    assert prepared.fingerprint(x) == prepared.fingerprint(x.clone())
    assert prepared.fingerprint(x.t()) == prepared.fingerprint(x.t().contiguous())
    assert prepared.fingerprint(x) != prepared.fingerprint(x.t())
    assert prepared.fingerprint(x[0], x[1]) != prepared.fingerprint(x[1], x[0])


def test_images_must_leave_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=4 * 2**30))
    prepared.check_size(2 * 2**20, (1, 32, 32))
    with pytest.raises(InputError) as refusal:
        prepared.check_size(2 * 2**20 + 1, (1, 32, 32))
    assert refusal.value.code == "data_too_large"
    assert refusal.value.facts == {"needed_gib": 2.0, "free_gib": 4.0}


@pytest.mark.parametrize(
    "name", ["imagenet", "", "digits ", "mnist:2", "fashion_mnist", "synthetic@3", "Digits"]
)
def test_a_data_set_that_isnt_one(name, tmp_path):
    with pytest.raises(InputError) as refusal:
        datasets.prepare(name, 0, tmp_path, lambda *_: None)
    assert refusal.value.code == "unknown_dataset"
    assert refusal.value.facts["dataset"] == name
    assert messages.sentence(refusal.value.code, refusal.value.facts)
