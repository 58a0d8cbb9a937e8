"""MNIST and its kin: from the files where they are, and a clear word where there is no network."""

import hashlib
import pickle
import struct
import urllib.request
from urllib.error import URLError

import numpy as np
import pytest
import torch

from core import messages
from core.errors import InputError, MeasurementError
from core.measure import data
from core.measure.vision import torchvision


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whoever asks for an address is told that there is no network; what was asked is kept."""
    asked = []

    def refuse(request, *_, **__):
        asked.append(request)
        raise URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return asked


def write_idx(path, array):
    """The format of MNIST's files: two zero bytes, type (8: uint8), dimensions, sizes, bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def prepare(name, root):
    told = []
    return data.prepare(name, 0, root, lambda *args: told.append(args)), told


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_files_that_are_there_are_used_offline(name, folder, tmp_path, no_network):
    random = np.random.default_rng(0)
    parts = {}
    for part, count in (("train", 30), ("t10k", 10)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        raw = tmp_path / "downloads" / folder / "raw"
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
        parts[part] = (images, labels)
    made, told = prepare(name, tmp_path)
    assert (made.train_x.shape, made.train_x.dtype) == ((30, 1, 28, 28), torch.uint8)
    assert (made.train_x[:, 0].numpy() == parts["train"][0]).all()
    assert (made.test_x[:, 0].numpy() == parts["t10k"][0]).all()
    assert made.train_y.tolist() == parts["train"][1].tolist()
    assert made.test_y.tolist() == parts["t10k"][1].tolist()
    assert (made.train_y.dtype, made.classes) == (torch.int64, 10)
    assert told == []
    assert no_network == []


def test_colour_images_have_their_channels_first(tmp_path, monkeypatch, no_network):
    random = np.random.default_rng(0)
    folder = tmp_path / "downloads" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    contents = {
        "train": {"data": random.integers(0, 256, (6, 3072), dtype=np.uint8), "labels": [0, 1, 2, 3, 4, 9]},
        "test": {"data": random.integers(0, 256, (2, 3072), dtype=np.uint8), "labels": [5, 6]},
        "meta": {"label_names": [str(i) for i in range(10)]},
    }
    sums = {}
    for part, content in contents.items():
        (folder / part).write_bytes(pickle.dumps(content))
        sums[part] = hashlib.md5((folder / part).read_bytes()).hexdigest()
    cifar = torchvision().datasets.CIFAR10
    monkeypatch.setattr(cifar, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(cifar, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(cifar, "meta", {"filename": "meta", "key": "label_names", "md5": sums["meta"]})
    made, told = prepare("cifar10", tmp_path)
    assert made.train_x.shape == (6, 3, 32, 32)
    assert made.train_x.is_contiguous()
    # the file holds an image as 1024 red bytes, 1024 green, 1024 blue
    assert (made.train_x.flatten(1).numpy() == contents["train"]["data"]).all()
    assert (made.train_y.tolist(), made.test_y.tolist()) == ([0, 1, 2, 3, 4, 9], [5, 6])
    assert (told, no_network) == ([], [])


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_without_a_network_the_failure_says_what_to_do(name, tmp_path, no_network):
    told = []
    with pytest.raises(MeasurementError) as failure:
        data.prepare(name, 0, tmp_path, lambda *args: told.append(args))
    assert failure.value.code == "download_failed"
    assert failure.value.facts["dataset"] == name
    assert failure.value.facts["problem"]
    assert "\n" not in failure.value.facts["problem"]
    assert "digits needs no download" in messages.sentence(failure.value.code, failure.value.facts)
    assert told == [("download", None)]
    assert no_network, "nothing was asked of the network"


def test_a_failure_without_words_is_called_by_its_kind(tmp_path, monkeypatch):
    def silent(*_, **__):
        raise TimeoutError

    monkeypatch.setattr(torchvision().datasets.mnist, "download_and_extract_archive", silent)
    with pytest.raises(MeasurementError) as failure:
        prepare("mnist", tmp_path)
    assert failure.value.facts == {"dataset": "mnist", "problem": "TimeoutError"}


def test_only_the_plain_name_is_a_data_set(tmp_path):
    with pytest.raises(InputError) as refusal:
        prepare("mnist:28", tmp_path)
    assert refusal.value.code == "unknown_dataset"
