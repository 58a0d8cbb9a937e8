"""One setup of a job: its model, its data on its device, its blocks. It knows nothing of the other setups."""

from __future__ import annotations

import copy
import gc
import itertools
import math
import statistics
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import MeasurementError
from core.measure import (
    anatomy,
    devices,
    feeds,
    lessons,
    limits,
    loops,
    marked,
    memory,
    models,
    products,
    threads,
    watching,
    whole_step,
)
from core.measure.data import Prepared
from core.records import (
    Anatomy,
    Block,
    ColdStart,
    EpochRecord,
    LessonTrial,
    Limits,
    Memory,
    Note,
    RunSpec,
    ThreadTrial,
    Trace,
)

# Warm-up ends when the median of five steps is within this share of that of the five before.
_STEADY = 0.05
_WARM_UP_STEPS = (10, 100)
_WARM_UP_SHARE = 0.1  # of the time budget, at most
# A block that follows another setup's starts with untimed steps: clocks rise, caches fill, threads wake.
LEAD_IN_S = 0.05
_PROOF_STEPS = 100  # how many first losses are kept, to prove that two runs did the same work
_EVALUATION_BATCH = 512
_TEACHING_STEPS, _TEACHING_RATE = 600, 0.05


@dataclass
class Progress:
    epoch: int = 1
    epochs_complete: int = 0
    steps_in_epoch: int = 0
    spent_s: float = 0.0


class Trainee:
    """Built, warmed up and reset to the weights of the seed; then `block` after `block`."""

    def __init__(self, spec: RunSpec, data: Prepared, default_threads: int, clock_origin: float) -> None:
        started = time.perf_counter()
        self.spec, self.data, self._origin = spec, data, clock_origin
        self.threads = spec.setup.threads or default_threads
        self.thread_trials: tuple[ThreadTrial, ...] = ()
        self.device = torch.device(spec.setup.device)
        self.progress = Progress()
        self.first_losses: list[float] = []
        self._notes: list[Note] = []
        self._diverged = False
        self.steps_per_epoch = len(data.train_y) // spec.workload.batch_size
        self._losses: list[Tensor] = []
        self._feeds: list[feeds.Feed] = []
        self._memory = memory.Watch(self.device)
        with self.executing():
            self._build()
        self.build_s = time.perf_counter() - started

    def executing(self) -> devices.Execution:
        return devices.Execution(self.spec.setup, self.threads)

    def _build(self) -> None:
        work = self.spec.workload
        model, self.input_shape = models.build(work.model, self.data.shape, self.data.classes, work.seed)
        if self.input_shape[1:] != self.data.shape[1:]:
            self._notes.append(Note("resized", {"side": self.input_shape[1]}))
        if work.task == "classify":
            self._teach(model)
        if work.task == "extract":
            models.cut_head(work.model, model)
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        setup = self.spec.setup
        if setup.channels_last:
            models.use_channels_last(model)
        if setup.products == "onednn":
            products.use_onednn(model)
        self.model = model.to(self.device)  # built on the CPU from the seed: the same weights on every device
        self.model.train(work.task == "train")
        self._placed = feeds.placed(setup.data_path, self.data, self.device)
        self.autocast = devices.autocast(self.device, setup.precision)
        self.feed = self._feed(epoch=1)
        self.optimiser = self._optimise(self.model)
        # Warming up and leading in are done on a twin: the training itself is timed from its first step on,
        # and every one of its steps is inside a block.
        twin = copy.deepcopy(self.model)
        self._compiled: whole_step.Compiled | None = None
        if (setup.step != "eager" or setup.synchronous) and work.task != "train":
            raise MeasurementError("only_training", task=work.task)
        if setup.step in ("compiled", "compiled_graph"):
            self._compiled = whole_step.Compiled(
                self.model, work.learning_rate, work.batch_size, self.autocast, setup.cpp_calls
            )
        self._rehearsed = self._parts_of(twin, self._feed(epoch=0), self._optimise(twin))
        self.parts = self._parts_of(self.model, self.feed, self.optimiser)
        self._rehearsal, self._loop = self._make_loop(self._rehearsed), self._make_loop(self.parts)

    def _optimise(self, model: nn.Module) -> torch.optim.SGD:
        # None: torch's own choice, a loop on the CPU and foreach on a GPU
        fused = self.spec.setup.fused or None
        return torch.optim.SGD(model.parameters(), lr=self.spec.workload.learning_rate, fused=fused)

    def _teach(self, model: nn.Module) -> None:
        """A short training before the clock of `classify`, on the CPU and the same for every setup.

        Without it the answers would be guesses. Large models are left as they are: it could take hours.
        """
        if not models.is_small(self.spec.workload.model):
            self._notes.append(Note("untrained_weights"))
            return
        cpu = torch.device("cpu")
        feed = feeds.LoaderFeed(self.data, min(64, len(self.data.train_y)), self.spec.workload.seed, cpu, 0)
        optimiser = torch.optim.SGD(model.parameters(), lr=_TEACHING_RATE)
        loops.train(model, feed, optimiser, devices.autocast(cpu, "fp32"))(_TEACHING_STEPS, [])
        self._notes.append(Note("taught_before", {"steps": _TEACHING_STEPS}))

    def _feed(self, epoch: int) -> feeds.Feed:
        work, setup = self.spec.workload, self.spec.setup
        feed = feeds.make(setup, self._placed, work.batch_size, work.seed, self.device, epoch)
        self._feeds.append(feed)
        return feed

    def _parts_of(self, model: nn.Module, feed: feeds.Feed, optimiser: torch.optim.SGD) -> marked.Parts:
        parts = marked.Parts(self.spec, model, feed, optimiser, self.autocast)
        return parts if self.spec.setup.step == "eager" else self._whole_step(parts)

    def _make_loop(self, parts: marked.Parts) -> loops.Loop:
        model, feed, optimiser, setup = parts.model, parts.feed, parts.optimiser, self.spec.setup
        if parts.calls is not None:
            assert isinstance(feed, feeds.ResidentFeed)
            return loops.train_in_calls(*parts.calls, setup.steps_per_call, feed)
        if self.spec.workload.task == "train":
            return loops.train(model, feed, optimiser, self.autocast, synchronous=setup.synchronous)
        if self.spec.workload.task == "classify":
            return loops.classify(model, feed, self.autocast)
        return loops.extract(model, feed, self.autocast)

    def _whole_step(self, parts: marked.Parts) -> marked.Parts:
        setup, batch_size = self.spec.setup, self.spec.workload.batch_size
        images = whole_step.Images(self._placed.train_x, self._placed.train_y)
        if self._compiled is not None:
            call = self._compiled.of(parts.model, images)
        else:
            call = whole_step.eager(parts.model, parts.optimiser, images, batch_size, self.autocast)
        return replace(parts, calls=whole_step.several_and_single(call, parts.model, images, setup, batch_size))

    def _timed(self, loop: loops.Loop, steps: int) -> tuple[float, float, list[Tensor]]:
        """Start, duration and what the loop kept. The clock's bracket: synchronised at its two ends only."""
        kept: list[Tensor] = []
        gc.disable()  # a collection inside a block would be charged to whichever setup is running
        try:
            devices.synchronise(self.device)
            start = time.perf_counter()
            loop(steps, kept)
            devices.synchronise(self.device)
            return start, time.perf_counter() - start, kept
        finally:
            gc.enable()

    def warm_up(self, max_seconds: float, worker_start_s: float | None, data_s: float) -> ColdStart:
        """First step and warm-up, each call of the step timed alone.

        Raises MeasurementError where a whole step can't be compiled.
        """
        unit = self.spec.setup.steps_per_call
        with self.executing():
            if self._compiled is not None:  # for one thread count: each other one would be compiled anew
                self._find_threads(max_seconds, self._eager_probe())
            first_s = self._first_step(unit)
            # compiling takes seconds and says nothing about the steps to come
            times = [first_s] if self._compiled is None else [self._timed(self._rehearsal, unit)[1]]
            fewest, most = _WARM_UP_STEPS
            while len(times) < most and sum(times) < max_seconds * _WARM_UP_SHARE:
                times.append(self._timed(self._rehearsal, unit)[1])
                if len(times) > fewest and _steady(times):
                    break
            self.step_s = statistics.median(times[-5:]) / unit
            if self._compiled is None:
                self._find_threads(max_seconds, self._rehearsal)
            self._prove()
        self.memory: Memory = self._memory.peak()
        warmed = times if self._compiled else times[1:]
        return ColdStart(worker_start_s, data_s, self.build_s, first_s, sum(warmed), len(warmed) * unit)

    def _first_step(self, unit: int) -> float:
        """Seconds of the first step, compilation included; of a call of several steps and of a single one."""
        step = marked.step_of(self._rehearsed)
        stamps = watching.Stamps()
        start, first_s, _kept = self._timed(lambda steps, kept: step(stamps.mark), unit)
        self.first_step = stamps.step(self.spec, self.device, start, start + first_s)
        return first_s if unit == 1 else first_s + self._timed(self._rehearsal, 1)[1]

    def _eager_probe(self) -> loops.Loop:
        """The same steps uncompiled, on a model of their own, and how long one takes."""
        model = copy.deepcopy(self.model)
        probe = loops.train(model, self._feed(epoch=0), self._optimise(model), self.autocast)
        self.step_s = min(self._timed(probe, 1)[1] for _ in range(3))
        return probe

    def _find_threads(self, max_seconds: float, loop: loops.Loop) -> None:
        """The CPU at its best: the thread count is found where the setup names none."""
        if self.device.type != "cpu" or self.spec.setup.threads is not None:
            return

        def trial(count: int, seconds: float) -> float:
            torch.set_num_threads(count)
            self._timed(loop, self.spec.setup.steps_per_call)  # wakes the threads
            steps = self._in_calls(seconds)
            return self._timed(loop, steps)[1] / steps / self.spec.workload.batch_size

        work, setup = self.spec.workload, self.spec.setup
        kind = (work.model, work.task, work.batch_size, self.input_shape, setup)
        counts = threads.candidates(self.threads)
        self.thread_trials = threads.search(kind, counts, self.threads, trial, self.step_s, max_seconds)
        if not self.thread_trials:
            self._notes.append(Note("threads_not_searched", {"threads": self.threads}))
        self.threads = threads.best(self.thread_trials, self.threads)
        torch.set_num_threads(self.threads)

    def try_one_step(self) -> None:
        """One step, only to see whether it can be done."""
        with self.executing():
            self._timed(self._rehearsal, 1)

    @torch.inference_mode()
    def _prove(self) -> None:
        """For tasks without a loss of their own: one number a batch that shows that the same work was done."""
        work = self.spec.workload
        if work.task == "train":
            return
        feed = self._feed(epoch=1)
        for _ in range(min(20, self.steps_per_epoch)):
            inputs, labels = feed.to_device(feed.fetch())
            with self.autocast:
                outputs = self.model(inputs).float()
            number = (
                functional.cross_entropy(outputs, labels)
                if work.task == "classify"
                else outputs.square().mean()
            )
            self.first_losses.append(float(number))

    @property
    def epochs_done(self) -> bool:
        return self.progress.epochs_complete >= self.spec.workload.epochs

    def block(self, seconds: float, lead_in: float) -> tuple[Block, list[float]]:
        """About `seconds` of steps, never across an epoch's end; and its losses where they prove the work.

        `lead_in`: seconds of untimed steps before them.
        """
        at = self.progress
        with self.executing():
            if lead_in:
                self._timed(self._rehearsal, self._in_calls(lead_in))
            steps = self._steps_in(seconds)
            start, duration, kept = self._timed(self._loop, steps)
            losses, mean = self._read_losses(kept)
        self.step_s = duration / steps
        at.steps_in_epoch += steps
        at.spent_s += duration
        samples = steps * self.spec.workload.batch_size
        return Block(at.epoch, steps, samples, start - self._origin, duration, mean), losses

    def _steps_in(self, seconds: float) -> int:
        """Steps of about that time; an epoch's last block takes what is left rather than leave a stump."""
        left = self.steps_per_epoch - self.progress.steps_in_epoch
        steps = self._in_calls(seconds)
        return left if left < 1.5 * steps else steps

    def _in_calls(self, seconds: float) -> int:
        """Steps of about that time, in whole calls."""
        unit = self.spec.setup.steps_per_call
        return unit * max(1, round(seconds / self.step_s / unit))

    def _read_losses(self, kept: list[Tensor]) -> tuple[list[float], float | None]:
        """The first losses not yet reported, and the block's mean; nothing once the training has diverged."""
        if self.spec.workload.task != "train":
            return [], None
        values = torch.cat([losses.reshape(-1) for losses in kept]).float().cpu()
        self._losses.append(values)
        mean = values.mean().item()
        wanted = min(_PROOF_STEPS, self.steps_per_epoch)
        fresh: list[float] = []
        if len(self.first_losses) < wanted and self.progress.epoch == 1:
            known = torch.cat(self._losses)[len(self.first_losses) : wanted]
            fresh = list(itertools.takewhile(math.isfinite, known.tolist()))
            self.first_losses += fresh
        if math.isfinite(mean):
            return fresh, mean
        if not self._diverged:
            self._diverged = True
            self._notes.append(Note("diverged", {"epoch": self.progress.epoch}))
        return fresh, None

    def take_notes(self) -> list[Note]:
        """What a reader must know and hasn't been told yet."""
        notes, self._notes = self._notes, []
        return notes

    def limits(self) -> Limits:
        """What the device can do at most, measured now."""
        with self.executing():
            x, y = self._placed.train_x, self._placed.train_y
            count = self.spec.workload.batch_size
            batch = x[:count].to(self.device), y[:count].to(self.device)
            training = self.spec.workload.task == "train"
            library = self.spec.setup.products
            return limits.measure(self.model, batch, self.device, self.threads, training, library)

    def dissect(self, max_seconds: float) -> Anatomy | None:
        """Where a step's time goes, by an instrumented pass; call it last."""
        return anatomy.dissect(self, max_seconds)

    def watch(self, max_seconds: float) -> Trace:
        """Single steps with all that happens in them: the first one, and one of those to come."""
        return watching.watch(self, max_seconds)

    def try_lessons(self, max_seconds: float) -> tuple[LessonTrial, ...]:
        """The article's lines one by one, on this device."""
        with self.executing():
            return lessons.try_all(self, max_seconds)

    def close(self) -> None:
        """End what works for it in the background; it isn't used any more."""
        for feed in self._feeds:
            feed.close()

    @property
    def epoch_complete(self) -> bool:
        return self.progress.steps_in_epoch >= self.steps_per_epoch

    def end_epoch(self, max_evaluation_s: float) -> EpochRecord | None:
        """Close the epoch, complete or not: mean loss, accuracy on the test images. None for extra blocks."""
        at = self.progress
        extra, epoch, steps = self.epochs_done, at.epoch, at.steps_in_epoch
        losses, self._losses = self._losses, []
        at.epochs_complete += self.epoch_complete
        at.epoch, at.steps_in_epoch = epoch + 1, 0
        if extra or steps == 0:
            return None
        with self.executing():
            loss = torch.cat(losses).mean().item() if losses else None
            correct, tested, seconds = self._evaluate(max_evaluation_s)
        if loss is not None and not math.isfinite(loss):
            loss = None
        accuracy = correct / tested if tested else None
        samples = steps * self.spec.workload.batch_size
        return EpochRecord(epoch, steps, samples, loss, accuracy, tested, seconds)

    @torch.inference_mode()
    def _evaluate(self, max_seconds: float) -> tuple[int, int, float]:
        """Right answers, images tested and time taken; on slow models as many images as the time allows."""
        if self.spec.workload.task == "extract":
            return 0, 0, 0.0
        start, correct, tested = time.perf_counter(), 0, 0
        self.model.eval()
        size = min(_EVALUATION_BATCH, max(self.spec.workload.batch_size, 32))
        for images, labels in zip(self.data.test_x.split(size), self.data.test_y.split(size), strict=True):
            with self.autocast:
                answers = self.model(images.to(self.device)).argmax(dim=1).cpu()
            correct += int((answers == labels).sum())
            tested += len(labels)
            if time.perf_counter() - start > max_seconds:
                break
        self.model.train(self.spec.workload.task == "train")
        return correct, tested, time.perf_counter() - start


def _steady(times: list[float]) -> bool:
    before, now = statistics.median(times[-10:-5]), statistics.median(times[-5:])
    return abs(now - before) <= _STEADY * before
