"""A training step as one call: compiled by torch.compile, recorded as a CUDA graph, or both.

The batch is taken by index inside the call, so that between two calls nothing is left to do but to say which
images come next. The mathematics is that of `loops.train` with plain SGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.nn import functional

from core.errors import MeasurementError
from core.measure.loops import Autocast, Call

_WARM_UP_CALLS = 3  # before recording, on a stream of their own, as torch.cuda.graph's documentation asks for
_LOG_LETTERS = 2000
_VARIANTS = 1000


@dataclass(frozen=True)
class Images:
    """The resident images that indices mean: uint8 (samples, channels, height, width), int64 (samples,)."""

    x: Tensor
    y: Tensor


class Compiled:
    """The step of one setup, compiled once and used for any model of the same architecture."""

    def __init__(self, model: nn.Module, learning_rate: float, batch_size: int, autocast: Autocast) -> None:
        self._batch_size = batch_size
        # All setups of a job are variants of one function to torch.compile, which by itself keeps eight.
        torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = _VARIANTS

        def loss(
            weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor
        ) -> tuple[Tensor, dict[str, Tensor]]:
            buffers = {
                name: buffer.clone() for name, buffer in buffers.items()
            }  # batch normalisation's, written to
            with autocast:
                outputs = functional_call(model, {**weights, **buffers}, (x,))
                return functional.cross_entropy(outputs, y), buffers

        def steps(
            weights: dict[str, Tensor],
            buffers: dict[str, Tensor],
            images: tuple[Tensor, Tensor],
            indices: Tensor,
        ) -> Tensor:
            losses = []
            for chosen in indices.split(batch_size):
                x, y = images[0].index_select(0, chosen), images[1].index_select(0, chosen)
                gradients, (value, after) = grad_and_value(loss, has_aux=True)(weights, buffers, x, y)
                for name, weight in weights.items():
                    weight.sub_(gradients[name], alpha=learning_rate)
                for name, buffer in buffers.items():
                    buffer.copy_(after[name])
                losses.append(value.detach())
            return torch.stack(losses)

        self._steps = torch.compile(steps, fullgraph=True, dynamic=False)

    def of(self, model: nn.Module, images: Images) -> Call:
        """The call for one model's weights, which it changes in place."""
        weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
        buffers = {name: buffer.detach() for name, buffer in model.named_buffers()}

        def call(indices: Tensor) -> Tensor:
            with torch.no_grad():
                losses: Tensor = self._steps(weights, buffers, (images.x, images.y), indices)
                return losses

        return call


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


def explained(problem: RuntimeError) -> MeasurementError:
    """Why a step couldn't be compiled, with the end of the compiler's own words."""
    text = str(problem)
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(problem).__name__)
    if "InvalidCxxCompiler" in type(problem).__name__ or "No working C++ compiler" in text:
        return MeasurementError("no_compiler", problem=first[:200])
    return MeasurementError("compile_failed", problem=first[:300], log=text[-_LOG_LETTERS:])


def compiling(problem: Any) -> bool:
    """Whether an error comes from torch.compile and not from running the step."""
    modules = (kind.__module__ for kind in type(problem).__mro__)
    return any(
        module.startswith(("torch._dynamo", "torch._inductor", "torch._functorch")) for module in modules
    )
