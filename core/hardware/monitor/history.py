"""The last minutes of samples, bounded. Knows no clock and no sensor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.records import CpuSample, Gpu, GpuSample, GpuTrace, Happening, MachineNow, Stretch, Watched

HISTORY_S = 600.0
_HAPPENINGS = 100
_LATE = 2.5  # intervals after which the next sample begins a new line


class History:
    """What the monitor saw. Not for several threads: whoever shares it locks it."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._bound = round(HISTORY_S / interval_s)
        self._cpu: deque[CpuSample] = deque()
        self._gpus: dict[str, Gpu] = {}
        self._traces: dict[str, deque[GpuSample]] = {}
        self._happenings: deque[Happening] = deque(maxlen=_HAPPENINGS)
        self._stretches: list[Stretch] = []

    def add(self, now: MachineNow, happenings: Iterable[Happening], measured: Sequence[str]) -> None:
        """One more tick; `measured` are the labels of what is measured at that moment.

        A pause shows as one sample of Nones. After one longer than the history, or with a clock that ran
        backwards, the history begins again.
        """
        last_s = self._cpu[-1].at_s if self._cpu else None
        if last_s is not None and not 0 < now.at_s - last_s <= HISTORY_S:
            self.begin_anew()
            last_s = None
        paused = last_s is not None and now.at_s - last_s > _LATE * self._interval_s
        if last_s is not None and paused:
            self._append(blank_cpu(last_s + self._interval_s), {})
        self._gpus |= {seen.gpu.uuid: seen.gpu for seen in now.gpus}
        self._append(now.cpu.sample, {seen.gpu.uuid: seen.sample for seen in now.gpus})
        self._happenings.extend(happenings)
        self._measured(now.at_s, measured, last_s if last_s is not None and paused else now.at_s)

    def watched(self) -> Watched:
        """What is kept: a copy."""
        return Watched(
            interval_s=self._interval_s,
            cpu=tuple(self._cpu),
            gpus=tuple(
                GpuTrace(gpu, tuple(self._traces[uuid]))
                for uuid, gpu in sorted(self._gpus.items(), key=lambda item: item[1].index)
            ),
            happenings=tuple(self._happenings),
            stretches=tuple(self._stretches),
        )

    def _append(self, cpu: CpuSample, gpus: dict[str, GpuSample]) -> None:
        self._cpu.append(cpu)
        for uuid in self._gpus:
            trace = self._traces.setdefault(uuid, deque())
            trace.append(gpus.get(uuid) or blank_gpu(cpu.at_s))
        while len(self._cpu) > self._bound or cpu.at_s - self._cpu[0].at_s > HISTORY_S:
            self._cpu.popleft()
        for trace in self._traces.values():  # a trace may be shorter, never longer
            while len(trace) > len(self._cpu):
                trace.popleft()

    def _measured(self, at_s: float, labels: Sequence[str], ended_s: float) -> None:
        oldest_s = self._cpu[0].at_s
        ended = [
            replace(stretch, end_s=ended_s)
            if stretch.end_s is None and stretch.label not in labels
            else stretch
            for stretch in self._stretches
        ]
        going_on = {stretch.label for stretch in ended if stretch.end_s is None}
        self._stretches = [item for item in ended if item.end_s is None or item.end_s >= oldest_s]
        self._stretches += [Stretch(at_s, None, label) for label in labels if label not in going_on]

    def begin_anew(self) -> None:
        """Forget all."""
        self._cpu.clear()
        self._gpus.clear()
        self._traces.clear()
        self._happenings.clear()
        self._stretches.clear()


def blank_cpu(at_s: float) -> CpuSample:
    return CpuSample(at_s, None, None, None, None, None, None)


def blank_gpu(at_s: float) -> GpuSample:
    return GpuSample(at_s, None, None, None, None, None, None, None, None)
