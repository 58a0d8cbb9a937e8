"""What a device can do at most, and how long one step's products take alone: timed here, never looked up.

It knows no runs and draws no conclusions: core.analysis.limits does.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils import flop_counter
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from core.hardware import cpu
from core.measure import devices
from core.records import Limits, Precision, Products, Rate, RateKind

_REPEATS, _REPEAT_S = 5, 0.02  # a shorter piece of work is done several times in a repeat
_PATIENCE_S = 1.0  # after so long two repeats are enough
_SIZES = {"cpu": 2048, "accelerator": 8192}  # of the large product; halved while one takes longer than
_LONGEST_S = 0.05
_SMALLEST = 1024
_COPIED = {"cpu": 128 << 20, "accelerator": 1 << 30}  # bytes; beyond any cache but a few servers'
_HOST_COPIED = 128 << 20
_LAUNCHES = 1000
_GRAPH_STEPS, _GRAPH_S = 50, 0.005  # steps in a graph: until they take about so long, or there are so many
# Below this share of a step's work the linear layers' library doesn't show: convolutions have one of their own.
_LIBRARY_SHARE = 0.1
_BF16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}

_aten: Any = torch.ops.aten
Run = Callable[[], object]
Make = Callable[[], tuple[float, Run] | None]  # how much work one run is, and the run; None: can't be had here


@dataclass(frozen=True)
class _Trial:
    kind: RateKind
    make: Make
    precision: Precision | None = None
    library: Products | None = None


_known: dict[Hashable, Rate] = {}  # what a device can do doesn't depend on the workload


def measure(
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    device: torch.device,
    threads: int,
    train: bool,
    library: Products = "default",
) -> Limits:
    """The limits of a device, and of one step of `model` on it, with the threads and switches set as they are.

    `batch`: images (samples, channels, height, width) and int64 labels (samples,), on the device. `train`:
    forward and backward, else forward only. The model itself isn't touched. `library`: what torch.mm computes
    with in this process, "default" or "mkl_fast"; a model of OneDnnLinear layers is taken as one of nn.Linear.
    A rate that can't be had, for lack of memory or of a way to leave launches out, is left out.
    """
    default: Products = "mkl_fast" if library == "mkl_fast" else "default"
    rates = [_remembered(trial, device, threads) for trial in _of_device(device, default)]
    step = _record(model, batch, train)
    if step is not None:
        rates += [_rate(trial, device, threads) for trial in _of_step(step, device, default)]
    if device.type != "cpu":
        torch.accelerator.empty_cache()  # else it would look taken to whoever asks what is free
    flops_per_sample = step.flops / len(batch[0]) if step else None
    return Limits(flops_per_sample, tuple(rate for rate in rates if rate is not None))


def precisions(device: torch.device) -> tuple[Precision, ...]:
    """Those that a device has arithmetic for; what it would imitate is left out."""
    if device.type == "cpu":
        return ("fp32", "bf16") if _BF16_INSTRUCTIONS & set(cpu.describe().isa) else ("fp32",)
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return ("fp32", "tf32", "bf16")
    return ("fp32",)


# --- what is measured ----------------------------------------------------------------------------


def _of_device(device: torch.device, default: Products) -> Iterator[_Trial]:
    for precision in precisions(device):
        for library in _libraries(device, precision, default):
            make = functools.partial(_large_product, device, precision, library)
            yield _Trial("large_product", make, precision, library)
    yield _Trial("memory", functools.partial(_copy_within, device))
    if device.type != "cpu":
        yield _Trial("pageable_copy", functools.partial(_copy_from_host, device, False))
        yield _Trial("pinned_copy", functools.partial(_copy_from_host, device, True))
        yield _Trial("launch", functools.partial(_launches, device))


def _of_step(step: _Step, device: torch.device, default: Products) -> Iterator[_Trial]:
    for precision in precisions(device):
        for library in _libraries(device, precision, default):
            if library != "onednn" or step.linear_share >= _LIBRARY_SHARE:
                make = functools.partial(_products_alone, step, device, precision, library)
                yield _Trial("step_products", make, precision, library)


def _libraries(
    device: torch.device, precision: Precision, default: Products
) -> tuple[Products, ...] | tuple[None]:
    """On the CPU: what computes a matrix product. In bf16 it is oneDNN whoever is asked."""
    if device.type != "cpu":
        return (None,)
    has_onednn = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return (default, "onednn") if precision == "fp32" and has_onednn else (default,)


def _large_product(device: torch.device, precision: Precision, library: Products | None) -> tuple[float, Run]:
    size = _size(device, torch.get_num_threads())
    return 2.0 * size**3, _product(device, size, precision, library)


@functools.cache
def _size(device: torch.device, threads: int) -> int:
    """Of the large product: one size for all, chosen by fp32; a quarter of it has a 64th of the work."""
    size = _SIZES["cpu" if device.type == "cpu" else "accelerator"]
    while size > _SMALLEST:
        smaller = _product(device, size // 4, "fp32", None)
        if 64 * min(_time(smaller, 1, device) for _ in range(_REPEATS)) <= _LONGEST_S:
            break
        size //= 2
    return size


def _product(device: torch.device, size: int, precision: Precision, library: Products | None) -> Run:
    a, b = (_random(size * size, device, _dtype(precision)).view(size, size) for _ in range(2))
    if library == "onednn":
        return functools.partial(_onednn, a, b)
    return functools.partial(torch.mm, a, b, out=torch.empty_like(a))


def _graph(flops: float, run: Run, device: torch.device) -> tuple[float, Run] | None:
    """Several steps as a CUDA graph, so that launches hardly count; None where it can't be recorded."""
    aside, current = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    aside.wait_stream(current)
    with torch.cuda.stream(aside):  # before recording, as torch.cuda.graph's documentation asks for
        _time(run, 3, device)
        steps = min(_GRAPH_STEPS, math.ceil(_GRAPH_S / _time(run, 1, device)))
    current.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            for _ in range(steps):
                run()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # one of the kernels can't be recorded
        return None
    return flops * steps, graph.replay


def _copy_within(device: torch.device) -> tuple[float, Run]:
    size = _COPIED["cpu" if device.type == "cpu" else "accelerator"]
    source = torch.ones(size // 4, device=device)
    return 2.0 * size, functools.partial(torch.empty_like(source).copy_, source)


def _copy_from_host(device: torch.device, pinned: bool) -> tuple[float, Run] | None:
    if pinned and device.type == "mps":  # its memory is the host's
        return None
    source = torch.ones(_HOST_COPIED // 4)
    source = source.pin_memory() if pinned else source
    target = torch.empty(source.shape, device=device)
    return float(_HOST_COPIED), functools.partial(target.copy_, source, non_blocking=pinned)


def _launches(device: torch.device) -> tuple[float, Run]:
    number = torch.zeros(1, device=device)

    def run() -> None:
        for _ in range(_LAUNCHES):
            number.add_(1)

    return float(_LAUNCHES), run


def _dtype(precision: Precision) -> torch.dtype:
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _random(count: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Numbers to compute with, some of them many times: drawing millions takes longer than using them."""
    few = torch.randn(1 << 16, device=device, dtype=dtype)
    return few.repeat(math.ceil(count / len(few)))[:count]


# --- one step's products -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Like:
    """A tensor's shape without its values, so that a step can be done again without keeping its memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: Tensor) -> _Like:
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype)

    def make(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Random numbers of `dtype`, where these were floating-point numbers; else zeros."""
        reach = sum((length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True))
        if not self.dtype.is_floating_point:
            return torch.zeros(reach + 1, dtype=self.dtype, device=device).as_strided(self.shape, self.strides)
        return _random(reach + 1, device, dtype).as_strided(self.shape, self.strides)


@dataclass(frozen=True)
class _Call:
    operator: Any
    arguments: tuple[Any, ...]  # a _Like for each tensor
    options: dict[str, Any]


@dataclass(frozen=True)
class _Step:
    calls: tuple[_Call, ...]
    flops: float
    linear_share: float  # of the flops: those of the linear layers


class _Recorder(TorchDispatchMode):
    """Keeps the calls of the operators that torch counts the work of."""

    def __init__(self, operators: set[Any]) -> None:
        super().__init__()
        self._operators, self.calls = operators, list[_Call]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "overloadpacket", None) in self._operators:
            arguments, options = tree_map_only(Tensor, _Like.of, (args, kwargs or {}))
            self.calls.append(_Call(func, arguments, options))
        return func(*args, **(kwargs or {}))


def _record(model: nn.Module, batch: tuple[Tensor, Tensor], train: bool) -> _Step | None:
    """The products of one step on a copy of the model; None without any, or without memory for it."""
    images, labels = batch
    counter = flop_counter.FlopCounterMode(display=False, custom_mapping=_attention_on_the_cpu())
    recorder = _Recorder(set(counter.flop_registry))
    try:
        twin = copy.deepcopy(model)
        for module in twin.modules():
            if isinstance(module, nn.Linear):
                module.__class__ = nn.Linear  # whichever library it computes with
        with recorder, counter:
            # with gradients even where they aren't used: without them attention takes a path nobody counts
            outputs = twin(images)
            if train:
                functional.cross_entropy(outputs, labels).backward()
    except (RuntimeError, MemoryError) as problem:
        if not _lacks_memory(problem):
            raise
        return None
    counts: dict[Any, int] = counter.get_flop_counts().get("Global", {})
    flops = float(counter.get_total_flops())
    linear = counts.get(_aten.mm, 0) + counts.get(_aten.addmm, 0)
    return _Step(tuple(recorder.calls), flops, linear / flops) if flops else None


def _attention_on_the_cpu() -> dict[Any, Any]:
    """Its work is counted by the formulas for the GPU's operators, which take the same tensors."""

    def by(operator: Any) -> Any:
        def count(*args: Any, **kwargs: Any) -> Any:
            return flop_counter.flop_registry[operator](*args, **kwargs)

        count._get_raw = True  # type: ignore[attr-defined]
        return count

    forward, backward = "_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_backward"
    return {
        _aten._scaled_dot_product_flash_attention_for_cpu: by(getattr(_aten, forward)),
        _aten._scaled_dot_product_flash_attention_for_cpu_backward: by(getattr(_aten, backward)),
    }


def _products_alone(
    step: _Step, device: torch.device, precision: Precision, library: Products | None
) -> tuple[float, Run] | None:
    tensors: dict[_Like, Tensor] = {}

    def real(like: _Like) -> Tensor:
        if like not in tensors:
            tensors[like] = like.make(device, _dtype(precision))
        return tensors[like]

    runs = [_replay(call, real, library == "onednn") for call in step.calls]

    def run() -> None:
        for one in runs:
            one()

    if device.type == "cpu":
        return step.flops, run
    return _graph(step.flops, run, device) if device.type == "cuda" else None


def _replay(call: _Call, real: Callable[[_Like], Tensor], onednn: bool) -> Run:
    arguments, options = tree_map_only(_Like, real, (call.arguments, call.options))
    if onednn and call.operator is _aten.mm.default:
        return functools.partial(_onednn, arguments[0], arguments[1].t())
    if onednn and call.operator is _aten.addmm.default and not options and arguments[0].dim() == 1:
        return functools.partial(_onednn, arguments[1], arguments[2].t(), arguments[0])
    return functools.partial(call.operator, *arguments, **options)


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b by oneDNN. The operator is private to torch, so whoever calls this asks whether it is there."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


# --- how -----------------------------------------------------------------------------------------


def _remembered(trial: _Trial, device: torch.device, threads: int) -> Rate | None:
    key = (device, threads, trial.kind, trial.precision, trial.library)
    if key not in _known and (rate := _rate(trial, device, threads)) is not None:
        _known[key] = rate
    return _known.get(key)


@torch.inference_mode()
def _rate(trial: _Trial, device: torch.device, threads: int) -> Rate | None:
    try:
        with _arithmetic(trial.precision):
            made = trial.make()
            if made is None:
                return None
            times, seconds = _repeats(made[1], device)
    except (RuntimeError, MemoryError) as problem:
        if not _lacks_memory(problem):
            raise
        return None
    on_cpu = device.type == "cpu"
    return Rate(
        trial.kind, made[0] * times, seconds, trial.precision, trial.library, threads if on_cpu else None
    )


def _lacks_memory(problem: Exception) -> bool:
    out_of_memory = isinstance(problem, (torch.OutOfMemoryError, MemoryError))
    return out_of_memory or "can't allocate memory" in str(problem)  # as torch says it on the CPU


@contextlib.contextmanager
def _arithmetic(precision: Precision | None) -> Iterator[None]:
    """TF32 where it is measured, full precision elsewhere; afterwards as it was."""
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [switch.fp32_precision for switch in switches]
    for switch in switches:
        switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        for switch, mode in zip(switches, before, strict=True):
            switch.fp32_precision = mode


def _repeats(run: Run, device: torch.device) -> tuple[int, tuple[float, ...]]:
    """How often `run` was called in each repeat, and the seconds of each repeat; warmed up before."""
    _time(run, 1, device)
    once = _time(run, 1, device)
    times = max(1, math.ceil(_REPEAT_S / once))
    seconds = [once] if times == 1 else []
    while len(seconds) < _REPEATS and (len(seconds) < 2 or sum(seconds) < _PATIENCE_S):
        seconds.append(_time(run, times, device))
    return times, tuple(seconds)


def _time(run: Run, times: int, device: torch.device) -> float:
    devices.synchronise(device)
    start = time.perf_counter()
    for _ in range(times):
        run()
    devices.synchronise(device)
    return time.perf_counter() - start
