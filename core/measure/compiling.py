"""Compiling a function of tensors by TorchInductor, the compiler of torch.compile. It knows no training.

torch.compile itself asks before each call whether its assumptions still hold, which costs a fifth of a
millisecond: as much as a short step. Here they hold by construction, so the compiler is called directly.
"""

from __future__ import annotations

import functools
import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._inductor.custom_graph_pass import CustomGraphPass
from torch.fx.experimental.proxy_tensor import make_fx

from core.errors import MeasurementError

_aten: Any = torch.ops.aten
_LOG_LETTERS = 2000

Function = Callable[..., tuple[Tensor, ...]]


def compiled(function: Function, arguments: Sequence[Tensor], cpp_calls: bool = False) -> Function:
    """`function` for tensors of exactly these shapes, strides, types and devices, and this number of threads.

    It may change its arguments in place. `cpp_calls`: on the CPU, the kernels are called from C++ instead of
    Python. Raises MeasurementError where it can't be compiled.
    """
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)  # it warns of what C++ calls by a detour
    try:
        graph = make_fx(function, tracing_mode="fake")(*arguments)
        options = _options(cpp_calls) if arguments[0].device.type == "cpu" else {}
        found: Function = torch._inductor.compile(graph, list(arguments), options=options)
    except (RuntimeError, ValueError, TypeError, AssertionError, NotImplementedError) as problem:
        raise explained(problem) from problem  # a compiler fails in whatever way it likes
    return found


def _options(cpp_calls: bool) -> dict[str, Any]:
    """For the CPU, where the pass saves a sixth of a small network's step; elsewhere it is untried."""
    options: dict[str, Any] = {"cpp_wrapper": cpp_calls, "post_grad_custom_post_pass": _UpdatesInProducts()}
    return options | {"cpp.vec_isa_ok": True} if _vectors_are_known() else options


class _UpdatesInProducts(CustomGraphPass):
    """W - rate * (A B), written back to W, becomes one product that adds to W: its result needs no memory."""

    def uuid(self) -> bytes:
        """What the compiler's cache knows this version of the pass by."""
        return b"crossover-updates-in-products-1"

    def __call__(self, graph: fx.Graph) -> None:
        """Change the graph, which is functional but for the copies at its end."""
        for update in list(graph.find_nodes(op="call_function", target=_aten.sub.Tensor)):
            if (parts := _parts(update)) is not None:
                _fold(graph, update, *parts)
        graph.lint()


def _parts(update: fx.Node) -> tuple[fx.Node, fx.Node, float] | None:
    """Weight, product and rate of `weight - rate * product`, where nobody else needs one of these values."""
    weight, scaled = update.args[:2]
    if not isinstance(weight, fx.Node) or not isinstance(scaled, fx.Node) or len(scaled.users) != 1:
        return None
    if scaled.target is not _aten.mul.Tensor:
        return None
    product, rate = scaled.args
    if not isinstance(product, fx.Node) or product.target is not _aten.mm.default or len(product.users) != 1:
        return None
    written = any(node.target is _aten.copy_.default and node.args[0] is weight for node in weight.users)
    read_later = any(node > update and node.target is not _aten.copy_.default for node in weight.users)
    if weight.op != "placeholder" or not written or read_later or not isinstance(rate, (int, float)):
        return None
    return weight, product, rate


def _fold(graph: fx.Graph, update: fx.Node, weight: fx.Node, product: fx.Node, rate: float) -> None:
    with graph.inserting_before(update):
        one = graph.call_function(_aten.addmm_.default, (weight, *product.args), {"alpha": -rate})
        one.meta = dict(update.meta)
    for node in [node for node in update.users if node.target is _aten.copy_.default]:
        node.replace_all_uses_with(weight)
        graph.erase_node(node)
    update.replace_all_uses_with(weight)
    scaled = next(iter(product.users))
    for node in (update, scaled, product):
        graph.erase_node(node)


@functools.cache
def _vectors_are_known() -> bool:
    """Whether the compiler takes the flags of all this processor's vector instructions that torch would use.

    Else torch finds out by building and loading a program for each of them, which takes twelve seconds.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.cpu_vec_isa import supported_vec_isa_list, x86_isa_checker

    def flags() -> Iterator[str]:
        here = set(x86_isa_checker())
        for vectors in supported_vec_isa_list:
            if set(str(vectors).split()) <= here:
                yield from vectors.build_arch_flags().split()

    wanted = list(flags())
    if not wanted:
        return False
    command = (get_cpp_compiler(), *wanted, "-x", "c++", "-fsyntax-only", os.devnull)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def explained(problem: Exception) -> MeasurementError:
    """Why a step couldn't be compiled, with the end of the compiler's own words."""
    text = str(problem)
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(problem).__name__)
    if "InvalidCxxCompiler" in type(problem).__name__ or "No working C++ compiler" in text:
        return MeasurementError("no_compiler", problem=first[:200])
    return MeasurementError("compile_failed", problem=first[:300], log=text[-_LOG_LETTERS:])
