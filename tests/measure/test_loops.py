"""The timed loops do the work that they claim, step by step, and never look back at the device."""

import contextlib
import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from core.measure import feeds, loops, models
from core.records import Setup

CPU = torch.device("cpu")
PLAIN = contextlib.nullcontext()
BATCH, SEED, RATE = 64, 3, 0.05


def by_hand(model, data, steps):
    """The training loop of any tutorial; its losses."""
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)
    dataset, losses, epoch = TensorDataset(data.train_x, data.train_y), [], 1
    while True:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + epoch)
        order = torch.randperm(len(dataset), generator=generator).tolist()
        for inputs, labels in DataLoader(dataset, batch_size=BATCH, sampler=order, drop_last=True):
            optimiser.zero_grad()
            loss = nn.CrossEntropyLoss()(model(inputs), labels)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if len(losses) == steps:
                return losses
        epoch += 1


@pytest.mark.parametrize("path", ["loader", "resident"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_twenty_steps_are_those_of_a_plain_loop(path, name, tiny_data):
    model, _ = models.build(name, tiny_data.shape, 10, SEED)
    reference = copy.deepcopy(model)
    feed = feeds.make(Setup(data_path=path), tiny_data, BATCH, SEED, CPU, 1)
    loop = loops.train(model, feed, torch.optim.SGD(model.parameters(), lr=RATE), PLAIN)
    kept = []
    loop(7, kept)
    loop(13, kept)  # two blocks are no other work than one; the tenth step ends an epoch
    torch.testing.assert_close(torch.stack(kept).tolist(), by_hand(reference, tiny_data, 20))
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)


def test_a_loop_keeps_losses_without_their_history(tiny_data):
    model, _ = models.build("mlp", tiny_data.shape, 10, 0)
    feed = feeds.make(Setup(data_path="resident"), tiny_data, BATCH, 0, CPU, 1)
    kept = []
    loops.train(model, feed, torch.optim.SGD(model.parameters(), lr=RATE), PLAIN)(3, kept)
    assert [(loss.shape, loss.requires_grad, loss.grad_fn) for loss in kept] == [
        (torch.Size([]), False, None)
    ] * 3


def loops_of(data):
    model, _ = models.build("mlp", data.shape, 10, 0)
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)

    def feed():
        return feeds.make(Setup(data_path="resident"), data, BATCH, 0, CPU, 1)

    return {
        "train": loops.train(model, feed(), optimiser, PLAIN),
        "classify": loops.classify(model, feed(), PLAIN),
        "extract": loops.extract(model, feed(), PLAIN),
    }


@pytest.mark.parametrize("task", ["train", "classify"])
def test_no_step_waits_for_the_device(task, tiny_data, monkeypatch):
    """`.item()`, `float()` and the like would wait in every step; the one copy at the end may."""

    def waits(self, *_):
        raise AssertionError("a step waits for the device")

    for name in ("item", "tolist", "__float__", "__bool__", "__int__", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, waits)
    copies = []
    cpu = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: copies.append(self) or cpu(self))
    loop, kept = loops_of(tiny_data)[task], []
    loop(5, kept)
    assert len(copies) == (1 if task == "classify" else 0)


def test_classify_answers_every_image_once(tiny_data):
    kept = []
    loops_of(tiny_data)["classify"](4, kept)
    model, _ = models.build("mlp", tiny_data.shape, 10, 0)
    order = feeds.order(640, 0, 1)[: 4 * BATCH]
    assert len(kept) == 1
    assert torch.equal(kept[0], model(tiny_data.train_x[order]).argmax(dim=1))


def test_extract_brings_each_batch_to_the_host_as_floats(tiny_data, monkeypatch):
    copies = []
    cpu = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: copies.append(self.dtype) or cpu(self))
    kept = []
    loops_of(tiny_data)["extract"](3, kept)
    assert copies == [torch.float32] * 3
    assert kept[0].shape == (BATCH, 10)


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_inference_records_no_gradients(task, tiny_data):
    modes = []
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    model.register_forward_pre_hook(lambda *_: modes.append(torch.is_inference_mode_enabled()))
    feed = feeds.make(Setup(data_path="resident"), tiny_data, BATCH, 0, CPU, 1)
    as_floats = nn.Sequential(models.FromBytes(), model)
    getattr(loops, task)(as_floats, feed, PLAIN)(2, [])
    assert modes == [True, True]


def test_autocast_is_around_forward_and_loss_and_not_the_backward_pass(tiny_data):
    seen = []
    model, _ = models.build("mlp", tiny_data.shape, 10, 0)
    model.register_forward_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    model[1].fc2.weight.register_hook(lambda grad: seen.append(torch.is_autocast_enabled("cpu")))
    feed = feeds.make(Setup(data_path="resident"), tiny_data, BATCH, 0, CPU, 1)
    kept = []
    autocast = torch.autocast("cpu", dtype=torch.bfloat16)
    loops.train(model, feed, torch.optim.SGD(model.parameters(), lr=RATE), autocast)(2, kept)
    assert seen == [True, False, True, False]
    exact, _ = models.build("mlp", tiny_data.shape, 10, 0)
    first = feeds.order(640, 0, 1)[:BATCH]
    loss = functional.cross_entropy(exact(tiny_data.train_x[first]), tiny_data.train_y[first])
    assert kept[0].item() != loss.item()
    assert kept[0].item() == pytest.approx(loss.item(), rel=0.02)
