"""Watched steps with invented numbers, and a profile as Kineto writes it. Nothing here was ever measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.records import RunResult, Span, Trace, TracedStep
from tests.builders import make_gpu_result, make_result, make_spec

SOURCE = """\
batch = next(batches)
inputs, labels = [part.to(device) for part in batch]
optimiser.zero_grad(set_to_none=True)
with autocast:
    outputs = model(inputs)
    loss = cross_entropy(outputs, labels)
loss.backward()
optimiser.step()
losses.append(loss.detach())"""
# name, line, stage, milliseconds on the CPU, microseconds on the GPU
LINES = (
    ("fetch", 1, "load", 40, 200),
    ("to_device", 2, "copy", 1, 60),
    ("zero_grad", 3, "forward", 2, 10),
    ("forward", 5, "forward", 148, 70),
    ("loss", 6, "forward", 10, 30),
    ("backward", 7, "backward", 180, 110),
    ("update", 8, "optimiser", 18, 50),
    ("read_loss", 9, "optimiser", 1, 5),
)
BATCH_BYTES = 50_688


def _script(times: list[float]) -> tuple[Span, ...]:
    spans, at = [], 0.0
    for (name, line, stage, _cpu, _gpu), seconds in zip(LINES, times, strict=True):
        spans.append(Span("script", name, at, at + seconds, line, stage))
        at += seconds
    return tuple(spans)


def make_trace(**changes: Any) -> Trace:
    """The article's loop on the CPU: 0.4 s a step, as `make_result` has it, and a first step of 2 s."""
    script = _script([cpu / 1000 for _n, _l, _s, cpu, _g in LINES])
    below = [
        Span("memory", "gather", 0.0, 0.04, 1, "load", moved_bytes=BATCH_BYTES),
        Span("device", "aten::to", 0.0402, 0.0404, 2, "copy"),
        Span("device", "aten::linear", 0.05, 0.14, 5, "forward", flops=51_380_224.0),
        Span("device", "aten::relu", 0.14, 0.15, 5, "forward"),
        Span("device", "aten::linear", 0.15, 0.18, 5, "forward", flops=655_360.0),
        Span("device", "aten::cross_entropy_loss", 0.192, 0.2, 6, "forward"),
        Span("device", "aten::mm", 0.21, 0.36, 7, "backward", flops=102_000_000.0),
        Span("device", "aten::add_", 0.385, 0.395, 8, "optimiser"),
    ]
    warm = TracedStep("warm", "profiler", script[-1].end_s, (*script, *below))
    slow = _script([cpu / 200 for _n, _l, _s, cpu, _g in LINES])
    cold = TracedStep("cold", "stamps", slow[-1].end_s, slow)
    plain = Trace(SOURCE, (cold, warm), (0.398, 0.4, 0.402, 0.401, 0.399), BATCH_BYTES)
    return replace(plain, **changes)


def make_gpu_trace(
    kernel_us: float = 4.0, lag_us: float = 100.0, copy_us: float = 8.0, **changes: Any
) -> Trace:
    """The same on a GPU: the host takes 535 µs to ask for 20 kernels of `kernel_us`, each `lag_us` later."""
    script = _script([gpu / 1e6 for _n, _l, _s, _c, gpu in LINES])
    end = script[-1].end_s
    below = [Span("memory", "gather", 0.0, 200e-6, 1, "load", moved_bytes=BATCH_BYTES)]
    begun = 205e-6
    pageable = "Memcpy HtoD (Pageable -> Device)"
    below.append(
        Span("bus", pageable, begun, begun + copy_us / 1e6, 2, "copy", 7, 203e-6, moved_bytes=BATCH_BYTES)
    )
    below.append(Span("script", "cudaStreamSynchronize", begun, begun + 40e-6, 2, "copy", waits=True))
    free = begun + copy_us / 1e6
    for name, line, count in (("forward", 5, 6), ("loss", 6, 2), ("backward", 7, 8), ("update", 8, 4)):
        span = next(span for span in script if span.label == name)
        for i in range(count):
            asked = span.start_s + (i + 0.5) * (span.end_s - span.start_s) / count
            start = max(free, asked + lag_us / 1e6)
            free = start + kernel_us / 1e6
            flops = 51_380_224.0 if (name, i) == ("forward", 0) else None
            below.append(Span("device", "sgemm", start, free, line, span.stage, 7, asked, flops=flops))
    below.append(Span("device", "sgemm", 0.0, 50e-6, None, None, 7))  # of the step before
    warm = TracedStep("warm", "profiler", end, (*script, *sorted(below, key=lambda span: span.start_s)))
    slow = _script([gpu / 100 for _n, _l, _s, _c, gpu in LINES])
    wait = Span("script", "wait", slow[-1].end_s, slow[-1].end_s + 0.01, waits=True)
    cold = TracedStep("cold", "stamps", slow[-1].end_s + 0.01, (*slow, wait))
    plain = Trace(SOURCE, (cold, warm), (560e-6, 555e-6, 565e-6, 561e-6, 559e-6), BATCH_BYTES)
    return replace(plain, **changes)


def make_watched(**changes: Any) -> RunResult:
    """The article's loop on the CPU with a watched step."""
    plain = make_result(spec=make_spec(data_path="loader"), trace=make_trace())
    return replace(plain, **changes)


def make_gpu_watched(**changes: Any) -> RunResult:
    """The article's loop on the GPU, 500 µs a step by its timed blocks, with a watched step."""
    from tests.builders import make_blocks

    plain = make_gpu_result(spec=make_spec(device="cuda:0", data_path="loader"), trace=make_gpu_trace())
    blocks = make_blocks(500e-6, start_s=12.2, jitter=(0.005, 0.0, 0.01, -0.005, -0.01))
    return replace(plain, blocks=blocks, **changes)


def make_many(count: int) -> Trace:
    """A step of so many operations, as large networks have them: a quarter of each part in every line."""
    plain = make_gpu_trace()
    warm = plain.steps[1]
    script = tuple(span for span in warm.spans if span.actor == "script" and not span.waits)
    below = tuple(
        Span(
            "device",
            f"kernel_{i % 7}",
            (i + 0.1) * 1e-5,
            (i + 0.9) * 1e-5,
            7,
            "backward",
            7,
            i * 1e-7,
            flops=1e6,
        )
        for i in range(count)
    )
    return replace(plain, steps=(plain.steps[0], replace(warm, spans=(*script, *below))))


# --- as Kineto writes it -------------------------------------------------------------------------


def _x(cat: str, name: str, ts: float, dur: float, tid: int = 1, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": cat, "name": name, "pid": 9, "tid": tid, "ts": ts, "dur": dur, "args": args}


def kineto_step(step: int, at: float, *, lag: float = 40.0) -> list[dict[str, Any]]:
    """One step of the article's loop on a GPU: ranges, operators, launches, kernels. Microseconds from `at`."""
    names = [name for name, *_rest in LINES]
    begins = [0, 100, 160, 170, 240, 270, 380, 430, 436]  # the last: an empty range
    events = [
        _x("user_annotation", f"crossover:{step}:{line}", at + begin, (*begins[1:], 440)[line] - begin)
        for line, begin in enumerate(begins)
    ]
    assert len(names) == len(begins) - 1
    base = 1000 * (step + 1)

    def kernel(number: int, ts: float, dur: float, operator: str, tid: int = 1, name: str = "") -> None:
        """An operator, the launch in it and what the device does `lag` later."""
        correlation, external = base + number, base + 500 + number
        events.append(_x("cpu_op", operator, at + ts - 3, 8, tid, **{"External id": external}))
        events.append(_x("cuda_runtime", "cudaLaunchKernel", at + ts, 4, tid, correlation=correlation))
        args = {"External id": external, "correlation": correlation, "stream": 7, "device": 0}
        events.append(
            _x("kernel", name or f"void {operator}_kernel<float, 4>(int)", at + ts + lag, dur, 7, **args)
        )

    copied = {"External id": base + 501, "correlation": base + 1, "stream": 7, "bytes": BATCH_BYTES}
    events.append(_x("cpu_op", "aten::to", at + 104, 50, **{"External id": base + 501}))
    events.append(_x("cuda_runtime", "cudaMemcpyAsync", at + 110, 8, correlation=base + 1))
    events.append(_x("gpu_memcpy", "Memcpy HtoD (Pageable -> Device)", at + 112, 10, 7, **copied))
    events.append(_x("cuda_runtime", "cudaStreamSynchronize", at + 120, 30, correlation=base + 2))
    kernel(3, 180, 20, "aten::addmm")
    kernel(4, 200, 5, "aten::relu")
    kernel(5, 250, 5, "aten::nll_loss")
    kernel(6, 300, 25, "aten::mm", tid=2)  # autograd's own thread
    kernel(7, 390, 6, "aten::_foreach_add_")
    return events
