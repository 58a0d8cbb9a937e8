"""The loops that are timed, and nothing else: this file is what the clock brackets.

Each runs `steps` steps and appends their losses (or what they found) to `kept`. Unless a setup asks to wait at
each step, nothing here synchronises
with the device, converts to Python numbers or looks at a clock: that is done between blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from core.measure.feeds import Feed, ResidentFeed

Loop = Callable[[int, list[Tensor]], None]
Autocast = AbstractContextManager[object]
Call = Callable[[Tensor], Tensor]  # int64 indices (steps * batch,) to losses (steps,)


def train(
    model: nn.Module, feed: Feed, optimiser: Optimizer, autocast: Autocast, *, synchronous: bool = False
) -> Loop:
    """The article's training step: batch to the device, forward, cross-entropy, backward, update."""

    def loop(steps: int, kept: list[Tensor]) -> None:
        for _ in range(steps):
            inputs, labels = feed.to_device(feed.fetch())
            optimiser.zero_grad(set_to_none=True)
            with autocast:
                outputs = model(inputs)
                loss = functional.cross_entropy(outputs, labels)
            loss.backward()
            optimiser.step()
            kept.append(loss.detach())
            if synchronous:
                loss.item()  # waits for the device at each step, as a progress bar would

    return loop


def train_in_calls(several: Call, single: Call, steps_per_call: int, feed: ResidentFeed) -> Loop:
    """The same training where a whole step, or several, is one call (core.measure.whole_step)."""

    def loop(steps: int, kept: list[Tensor]) -> None:
        while steps > 0:
            whole = min(steps, feed.left_in_epoch()) >= steps_per_call
            count = steps_per_call if whole else 1  # an epoch's last steps may not fill a call
            kept.append((several if whole else single)(feed.indices(count)))
            steps -= count

    return loop


def classify(model: nn.Module, feed: Feed, autocast: Autocast) -> Loop:
    """Forward pass and the most likely class; the answers come to the host once, at the block's end."""

    def loop(steps: int, kept: list[Tensor]) -> None:
        answers = []
        with torch.inference_mode():
            for _ in range(steps):
                inputs, _ = feed.to_device(feed.fetch())
                with autocast:
                    outputs = model(inputs)
                answers.append(outputs.argmax(dim=1))
            kept.append(torch.cat(answers).cpu())

    return loop


def extract(model: nn.Module, feed: Feed, autocast: Autocast) -> Loop:
    """The features before the last layer, brought to the host batch by batch, as one does to store them."""

    def loop(steps: int, kept: list[Tensor]) -> None:
        with torch.inference_mode():
            for _ in range(steps):
                inputs, _ = feed.to_device(feed.fetch())
                with autocast:
                    features = model(inputs)
                features = features.float().cpu()
            kept.append(features)

    return loop
