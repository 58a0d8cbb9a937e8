"""A training step as one call: compiled by TorchInductor, recorded as a CUDA graph, or both.

The batch is taken by index inside the call, so that between two calls nothing is left to do but to say which
images come next. The mathematics is that of `loops.train` with plain SGD.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.nn import functional

from core.measure.compiling import compiled
from core.measure.loops import Autocast, Call
from core.records import Setup

_WARM_UP_CALLS = 3  # before recording, on a stream of their own, as torch.cuda.graph's documentation asks for


@dataclass(frozen=True)
class Images:
    """The resident images that indices mean: uint8 (samples, channels, height, width), int64 (samples,)."""

    x: Tensor
    y: Tensor


class Compiled:
    """The step of one setup, compiled once for each number of steps in a call; for any model of its kind."""

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float,
        batch_size: int,
        autocast: Autocast,
        cpp_calls: bool = False,
    ) -> None:
        self._names = (
            [name for name, _ in model.named_parameters()],
            [name for name, _ in model.named_buffers()],
        )
        self._model, self._rate, self._batch_size = model, learning_rate, batch_size
        self._autocast, self._cpp_calls = autocast, cpp_calls
        self._known: dict[Hashable, Any] = {}

    def of(self, model: nn.Module, images: Images) -> Call:
        """The call for one model's weights, which it changes in place.

        It compiles when it is first called with so many indices; raises MeasurementError where that fails.
        """
        state = [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]

        def call(indices: Tensor) -> Tensor:
            key = len(indices), torch.get_num_threads()  # both are written into the compiled code
            with torch.no_grad():
                if key not in self._known:
                    arguments = (images.x, images.y, indices, *state)
                    self._known[key] = compiled(self._steps, arguments, self._cpp_calls)
                losses: Tensor = self._known[key](images.x, images.y, indices, *state)[0]
                return losses

        return call

    def _steps(self, images: Tensor, labels: Tensor, indices: Tensor, *state: Tensor) -> tuple[Tensor]:
        """Train on one batch of indices after the other; `state`: parameters, then buffers."""
        of_weights, of_buffers = self._names
        weights = dict(zip(of_weights, state, strict=False))
        buffers = dict(zip(of_buffers, state[len(weights) :], strict=True))
        losses = []
        for chosen in indices.split(self._batch_size):
            x, y = images.index_select(0, chosen), labels.index_select(0, chosen)
            gradients, (value, after) = grad_and_value(self._loss, has_aux=True)(weights, buffers, x, y)
            for name, weight in weights.items():
                weight.sub_(gradients[name], alpha=self._rate)
            for name, buffer in buffers.items():
                buffer.copy_(after[name])
            losses.append(value.detach())
        return (torch.stack(losses),)

    def _loss(
        self, weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        buffers = {
            name: buffer.clone() for name, buffer in buffers.items()
        }  # batch normalisation's, written to
        with self._autocast:
            outputs = functional_call(self._model, {**weights, **buffers}, (x,))
            return functional.cross_entropy(outputs, y), buffers


def eager(
    model: nn.Module, optimiser: torch.optim.Optimizer, images: Images, batch_size: int, autocast: Autocast
) -> Call:
    """The step of `loops.train` as a call, to be recorded as a graph."""

    def call(indices: Tensor) -> Tensor:
        losses = []
        for chosen in indices.split(batch_size):
            x, y = images.x.index_select(0, chosen), images.y.index_select(0, chosen)
            optimiser.zero_grad(set_to_none=True)
            with autocast:
                loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    return call


def recorded(call: Call, model: nn.Module, indices: Tensor) -> Call:
    """The call as a CUDA graph, for as many indices as are given; the model's weights stay as they were.

    A replay needs its inputs and outputs where they were recorded: indices are copied in, losses out.
    """
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chosen = indices.clone()
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP_CALLS):
            call(chosen)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = call(chosen)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(before[name])

    def replay(wanted: Tensor) -> Tensor:
        chosen.copy_(wanted)
        graph.replay()
        return losses.clone()

    return replay


def several_and_single(
    call: Call, model: nn.Module, images: Images, setup: Setup, batch_size: int
) -> tuple[Call, Call]:
    """The call for as many steps as the setup asks for, and for one: recorded where it is to be a graph."""
    if "graph" not in setup.step:
        return call, call
    most = torch.arange(setup.steps_per_call * batch_size, device=images.y.device) % len(images.y)
    return recorded(call, model, most), recorded(call, model, most[:batch_size])
