"""The step with marks is the step that is timed, and its source names each line."""

from __future__ import annotations

import copy

import pytest
import torch

from core.measure import feeds, loops, marked, models
from core.records import Setup
from tests.builders import make_spec

CPU = torch.device("cpu")
AUTOCAST = torch.autocast("cpu", enabled=False)


def parts(data, **changes):
    spec = make_spec(batch_size=8, **changes)
    model, _ = models.build("mlp", data.shape, data.classes, 0)
    if spec.workload.task == "extract":
        models.cut_head("mlp", model)
    feed = feeds.make(spec.setup, data, 8, 0, CPU, 1)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    return marked.Parts(spec, model, feed, optimiser, AUTOCAST)


@pytest.mark.parametrize("setup", [{}, {"data_path": "loader"}, {"synchronous": True}])
def test_training_with_marks_is_training(tiny_data, setup):
    with_marks, without = parts(tiny_data, **setup), parts(tiny_data, **setup)
    without.model.load_state_dict(copy.deepcopy(with_marks.model.state_dict()))
    step, seen = marked.step_of(with_marks), []
    waits = "synchronous" in setup
    loop = loops.train(without.model, without.feed, without.optimiser, AUTOCAST, synchronous=waits)
    for _ in range(3):
        step(seen.append)
    loop(3, [])
    for ours, theirs in zip(with_marks.model.parameters(), without.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert seen == [*marked.source_of(with_marks.spec).line_of] * 3


@pytest.mark.parametrize("task", ["train", "classify", "extract"])
def test_every_line_has_its_place_in_the_source(tiny_data, task):
    found = parts(tiny_data, task=task, data_path="loader")
    source, seen = marked.source_of(found.spec), []
    marked.step_of(found)(seen.append)
    lines = source.text.splitlines()
    assert seen == list(source.line_of)
    assert list(source.line_of.values()) == sorted(source.line_of.values())
    assert "mark(" not in source.text
    assert "model(inputs)" in lines[source.line_of["forward"] - 1]
    assert lines[source.line_of["fetch"] - 1] == "batch = next(batches)"


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        ({}, "inputs, labels = batch"),
        ({"data_path": "loader"}, "part.to(device) for part in batch"),
        ({"data_path": "loader", "device": "cuda:0", "pinned": True}, "part.to(device, non_blocking=True)"),
        (
            {"data_path": "loader", "device": "cuda:0", "pinned": True, "synchronous": True},
            "part.to(device) for",
        ),
        ({"data_path": "workers"}, "part.to(device, non_blocking=True)"),
        ({"synchronous": True}, "loss.item()"),
        ({"step": "compiled"}, "compiled_step(indices)"),
        ({"step": "graph", "device": "cuda:0"}, "graph.replay(indices)"),
    ],
)
def test_the_source_says_what_is_different(setup, said):
    assert said in marked.source_of(make_spec(**setup)).text


def test_a_call_of_several_steps_never_crosses_an_epochs_end(tiny_data):
    found = parts(tiny_data, steps_per_call=3)
    whole = len(tiny_data.train_y) // 8
    for _ in range(whole - 1):
        found.feed.fetch()
    found.make_room()
    assert len(found.feed.indices(3)) == 24
    assert Setup().steps_per_call == 1
