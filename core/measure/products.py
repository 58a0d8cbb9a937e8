"""The linear layers' matrix products through another library than torch's default. CPU and fp32 only.

torch's default is MKL, which runs below its best on processors that aren't Intel's (pytorch/builder#504).
oneDNN, which torch also ships for convolutions, has no such gate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from core.errors import MeasurementError


class _Product(torch.autograd.Function):
    """x W^T + b and its gradients, each product one call of oneDNN's inner product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        flat_x, flat_gradient = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
        of_x = _onednn(gradient, weight.t().contiguous(), None) if ctx.needs_input_grad[0] else None
        of_weight = _onednn(flat_gradient.t().contiguous(), flat_x.t().contiguous(), None)
        of_bias = flat_gradient.sum(0) if ctx.needs_input_grad[2] else None
        return of_x, of_weight, of_bias


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W^T + b. The operator is private to torch: `use_onednn` asks for it by name."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


class OneDnnLinear(nn.Linear):
    """nn.Linear computed by oneDNN; the same parameters under the same names."""

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _Product.apply(x, self.weight, self.bias)
        return product


def use_onednn(model: nn.Module) -> None:
    """Let every linear layer of a model compute with oneDNN. Raises MeasurementError where torch has none."""
    operators = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available() or not hasattr(operators, "_linear_pointwise"):
        raise MeasurementError("onednn_absent")
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = OneDnnLinear  # a copy of the model keeps it, which a replaced method would not
