"""The data paths give the same batches in the same order, each image once an epoch."""

import itertools
import multiprocessing

import pytest
import torch

from core import messages
from core.errors import MeasurementError
from core.measure import feeds
from core.measure.data.prepared import Prepared
from core.records import Setup

CPU = torch.device("cpu")
PATHS = ("loader", "resident")


def numbered(count=23):
    """Images that show their own number."""
    x = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1).expand(count, 1, 2, 2).contiguous()
    y = torch.arange(count)
    return Prepared(x, y, x[:0], y[:0], count, "")


def batches(path, count, batch_size=5, seed=0, epoch=1, data=None):
    feed = feeds.make(Setup(data_path=path), data or numbered(), batch_size, seed, CPU, epoch)
    return [feed.to_device(feed.fetch()) for _ in range(count)]


def numbers(taken):
    return [labels.tolist() for _, labels in taken]


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_is_bytes_and_labels(path):
    ((images, labels),) = batches(path, 1)
    assert (images.shape, images.dtype) == ((5, 1, 2, 2), torch.uint8)
    assert (labels.shape, labels.dtype) == ((5,), torch.int64)


@pytest.mark.parametrize("path", PATHS)
def test_image_and_label_stay_together(path):
    for images, labels in batches(path, 10):
        assert torch.equal(images[:, 0, 0, 0].long(), labels)


@pytest.mark.parametrize("path", PATHS)
def test_an_epoch_has_every_image_at_most_once_and_its_short_batch_is_dropped(path):
    taken = numbers(batches(path, 12))
    for epoch in (taken[:4], taken[4:8], taken[8:]):  # 23 images: four batches of 5, three images left out
        seen = list(itertools.chain(*epoch))
        assert len(set(seen)) == len(seen) == 20


@pytest.mark.parametrize("path", PATHS)
def test_epochs_and_seeds_differ(path):
    first, second = numbers(batches(path, 8))[:4], numbers(batches(path, 8))[4:]
    assert first != second
    assert numbers(batches(path, 4, seed=1)) != first
    assert numbers(batches(path, 4, epoch=2)) == second  # an epoch's order is its own, wherever one starts
    assert set(itertools.chain(*first)) != set(range(20))  # shuffled, not only sliced


@pytest.mark.parametrize("batch_size", [1, 5, 23])
def test_both_paths_give_the_same_in_the_same_order(batch_size):
    torch.manual_seed(1)
    loader = batches("loader", 12, batch_size, seed=7)
    torch.manual_seed(2)  # DataLoader draws from the process's generator: it has no say
    resident = batches("resident", 12, batch_size, seed=7)
    assert numbers(loader) == numbers(resident)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(loader, resident, strict=True))


def test_the_order_is_the_same_everywhere():
    assert feeds.order(6, 0, 1).tolist() == feeds.order(6, 0, 1).tolist()
    assert sorted(feeds.order(100, 3, 2).tolist()) == list(range(100))
    orders = {tuple(feeds.order(50, seed, epoch).tolist()) for seed in range(3) for epoch in range(4)}
    assert len(orders) == 12


def test_only_the_loader_copies():
    loader, resident = (feeds.make(Setup(data_path=path), numbered(), 5, 0, CPU, 1) for path in PATHS)
    assert (loader.copies, resident.copies) == (True, False)
    batch = resident.fetch()
    assert resident.to_device(batch) is batch


def test_images_that_dont_fit_on_the_device_are_refused_with_numbers(monkeypatch):
    data = numbered()
    monkeypatch.setattr(feeds, "free_bytes", lambda device: int(data.train_x.nbytes / 0.8) - 1)
    with pytest.raises(MeasurementError) as failure:
        feeds.placed("resident", data, CPU)
    assert (failure.value.code, set(failure.value.facts)) == ("resident_too_large", {"needed_gib", "free_gib"})
    assert messages.sentence(failure.value.code, failure.value.facts)
    assert feeds.placed("loader", data, CPU) is data
    monkeypatch.setattr(feeds, "free_bytes", lambda device: int(data.train_x.nbytes / 0.8) + 2)
    feeds.placed("resident", data, CPU)


def test_closing_a_feed_ends_its_processes_at_once():
    before = set(multiprocessing.active_children())
    feed = feeds.make(Setup(data_path="workers"), numbered(), 5, 0, CPU, 1)
    feed.fetch()
    started = set(multiprocessing.active_children()) - before
    assert started
    feed.close()
    assert not started & set(multiprocessing.active_children())
    assert all(child.exitcode == 0 for child in started)  # by themselves; after five seconds they are killed


def test_a_copy_that_is_not_waited_for_gives_the_same_batch():
    """On the CPU nothing is copied; that page-locked memory is used is a GPU's test."""
    waiting = feeds.LoaderFeed(numbered(), 5, 0, CPU, 1)
    going_on = feeds.LoaderFeed(numbered(), 5, 0, CPU, 1, non_blocking=True)
    for _ in range(2):
        (ours, our_labels), (theirs, labels) = (feed.to_device(feed.fetch()) for feed in (going_on, waiting))
        assert torch.equal(ours, theirs)
        assert torch.equal(our_labels, labels)
