"""The steps of `core.measure.loops` with a mark after each line: for whoever wants to know where time goes.

What is shown to a reader is this very source, without the marks and with the feed's calls written out.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from core.measure.feeds import Feed, ResidentFeed
from core.measure.loops import Autocast, Call
from core.records import RunSpec, Setup, Stage

LineName = Literal[
    "fetch",
    "to_device",
    "zero_grad",
    "forward",
    "loss",
    "backward",
    "update",
    "read_loss",
    "keep",
    "copy_back",
    "indices",
    "call",
]
Mark = Callable[[LineName], None]
Step = Callable[[Mark], None]

STAGE_OF: dict[LineName, Stage] = {
    "fetch": "load",
    "to_device": "copy",
    "zero_grad": "forward",  # nothing but forgetting tensors: too little for a stage of its own
    "forward": "forward",
    "loss": "forward",
    "backward": "backward",
    "update": "optimiser",
    "read_loss": "optimiser",
    "keep": "forward",
    "copy_back": "copy_back",
    "indices": "load",
    # a whole step in one call has no stages
}


@dataclass(frozen=True)
class Parts:
    """What a step works with."""

    spec: RunSpec
    model: nn.Module
    feed: Feed
    optimiser: Optimizer
    autocast: Autocast
    calls: tuple[Call, Call] | None = (
        None  # of a step that is one call: for `steps_per_call` steps, and for one
    )

    def make_room(self) -> None:
        """Skip an epoch's last steps where they don't fill a call; to be called between two steps."""
        count = self.spec.setup.steps_per_call
        if isinstance(self.feed, ResidentFeed) and self.feed.left_in_epoch() < count:
            self.feed.indices(self.feed.left_in_epoch())


def step_of(parts: Parts) -> Step:
    """One step, or one call of several, that says when each of its lines is done."""
    return _maker(parts.spec)(parts)


def _maker(spec: RunSpec) -> Callable[[Parts], Step]:
    if spec.setup.step != "eager":
        return _whole
    makers = {"train": _train, "classify": _classify, "extract": _extract}
    return makers[spec.workload.task]


def _train(parts: Parts) -> Step:
    feed, model, optimiser, autocast = parts.feed, parts.model, parts.optimiser, parts.autocast
    read: Callable[[Tensor], object] = Tensor.item if parts.spec.setup.synchronous else Tensor.detach
    losses: list[object] = []

    def step(mark: Mark) -> None:
        batch = feed.fetch()
        mark("fetch")
        inputs, labels = feed.to_device(batch)
        mark("to_device")
        optimiser.zero_grad(set_to_none=True)
        mark("zero_grad")
        with autocast:
            outputs = model(inputs)
            mark("forward")
            loss = functional.cross_entropy(outputs, labels)
            mark("loss")
        loss.backward()
        mark("backward")
        optimiser.step()
        mark("update")
        losses.append(read(loss))
        mark("read_loss")

    return step


def _classify(parts: Parts) -> Step:
    feed, model, autocast = parts.feed, parts.model, parts.autocast
    answers: list[Tensor] = []

    @torch.inference_mode()
    def step(mark: Mark) -> None:
        batch = feed.fetch()
        mark("fetch")
        inputs, _ = feed.to_device(batch)
        mark("to_device")
        with autocast:
            outputs = model(inputs)
            mark("forward")
        answers.append(outputs.argmax(dim=1))
        mark("keep")

    return step


def _extract(parts: Parts) -> Step:
    feed, model, autocast = parts.feed, parts.model, parts.autocast

    @torch.inference_mode()
    def step(mark: Mark) -> None:
        batch = feed.fetch()
        mark("fetch")
        inputs, _ = feed.to_device(batch)
        mark("to_device")
        with autocast:
            features = model(inputs)
            mark("forward")
        features.float().cpu()
        mark("copy_back")

    return step


def _whole(parts: Parts) -> Step:
    feed = parts.feed
    assert isinstance(feed, ResidentFeed)
    assert parts.calls is not None
    call, _single = parts.calls
    count = parts.spec.setup.steps_per_call
    losses: list[Tensor] = []

    def step(mark: Mark) -> None:
        indices = feed.indices(count)
        mark("indices")
        losses.append(call(indices))
        mark("call")

    return step


# --- the source ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    text: str
    line_of: dict[LineName, int]  # from 1


def source_of(spec: RunSpec) -> Source:
    """The step as a reader sees it, and where each line is."""
    lines, line_of = [], {}
    for text, name in _lines(_maker(spec)):
        lines.append(_written_out(text, spec.setup))
        if name is not None:
            line_of[name] = len(lines)
    return Source("\n".join(lines), line_of)


@functools.cache
def _lines(maker: Callable[[Parts], Step]) -> tuple[tuple[str, LineName | None], ...]:
    """The lines of the step inside a maker, each with the name that the mark after it gives it."""
    whole = textwrap.dedent(inspect.getsource(maker))
    function = next(
        node for node in ast.walk(ast.parse(whole)) if isinstance(node, ast.FunctionDef) and node.name == "step"
    )
    texts = whole.splitlines()
    marks: dict[int, LineName] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mark":
            name: Any = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            marks[node.lineno] = name
    body = range(function.body[0].lineno, function.body[-1].lineno + 1)
    kept = [number for number in body if number not in marks]
    indent = min(len(texts[number - 1]) - len(texts[number - 1].lstrip()) for number in kept)
    return tuple((texts[number - 1][indent:], marks.get(number + 1)) for number in kept)


def _written_out(line: str, setup: Setup) -> str:
    """With what the feed's methods do in their place."""
    for call, said in _said(setup).items():
        line = line.replace(call, said)
    return line


def _said(setup: Setup) -> dict[str, str]:
    resident = setup.data_path == "resident"
    not_waited_for = setup.data_path == "workers" or (setup.pinned and not setup.synchronous)
    waiting = ", non_blocking=True" if not_waited_for else ""
    return {
        "feed.fetch()": "all_images[chosen], all_labels[chosen]" if resident else "next(batches)",
        "feed.to_device(batch)": "batch" if resident else f"[part.to(device{waiting}) for part in batch]",
        "read(loss)": "loss.item()" if setup.synchronous else "loss.detach()",
        "feed.indices(count)": "next(order)",
        "call(indices)": "graph.replay(indices)" if "graph" in setup.step else "compiled_step(indices)",
        "functional.cross_entropy": "cross_entropy",
    }
