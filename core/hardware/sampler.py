"""A thread that watches the machine while a worker measures. Knows nothing of runs or pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from core.hardware.cpu import CpuReader
from core.hardware.nvml import GpuReader, same_gpu
from core.records import Absent, CpuSample, GpuSample, Telemetry

DEFAULT_INTERVAL_S = 0.2  # the GPU's own sensors move every 0.1 s; polling faster only disturbs
MAX_SAMPLES = 1024
_PATIENCE_S = 10.0  # with a driver that doesn't answer: its caller has other jobs to do


class CpuSource(Protocol):
    @property
    def absent(self) -> tuple[Absent, ...]: ...
    def sample(self, at_s: float) -> CpuSample: ...


class GpuSource(Protocol):
    @property
    def absent(self) -> tuple[Absent, ...]: ...
    def sample(self, at_s: float) -> GpuSample: ...


class Sampler:
    """Samples CPU and GPUs every `interval_s` from `start()` to `stop()`, with one sample at each end.

    `origin_s` is the job's start on `time.perf_counter()`, which processes of one machine share. At most
    MAX_SAMPLES (and the last) are kept: each time they are full every second one is dropped and from
    then on only every second one kept, so that a run of any length has an even spread. `latest()` stays
    fresh. `patience_s`: for a thread that doesn't end. `clock` and `wait` (seconds -> whether to stop) are for
    tests.
    """

    def __init__(
        self,
        worker_pid: int | None,
        gpu_uuids: Sequence[str],
        origin_s: float,
        interval_s: float = DEFAULT_INTERVAL_S,
        *,
        cpu_reader: Callable[[int | None], CpuSource] = CpuReader,
        gpu_reader: Callable[[str], GpuSource] = GpuReader,
        patience_s: float = _PATIENCE_S,
        clock: Callable[[], float] = time.perf_counter,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._patience_s = patience_s
        self._cpu = cpu_reader(worker_pid)
        self._gpus = {uuid: gpu_reader(uuid) for uuid in gpu_uuids}
        self._origin_s, self._interval_s = origin_s, interval_s
        self._clock = clock
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._failure: BaseException | None = None
        self._lock = threading.Lock()  # over everything below
        self._latest: tuple[CpuSample | None, dict[str, GpuSample]] = (None, {})
        self._cpu_kept: list[CpuSample] = []
        self._gpu_kept: dict[str, list[GpuSample]] = {uuid: [] for uuid in gpu_uuids}
        self._taken, self._keep_every = 0, 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin. Raises RuntimeError when called a second time."""
        self._thread.start()

    def stop(self) -> None:
        """Take the last sample, end the thread and raise what it failed of, if it did. May be called again.

        A thread that hangs in a driver is left to itself after a while: the telemetry says so.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(self._patience_s)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def latest(self) -> tuple[CpuSample | None, dict[str, GpuSample]]:
        """The newest samples, GPUs by UUID; (None, {}) before the first."""
        with self._lock:
            return self._latest

    def telemetry(self, gpu_uuid: str | None) -> Telemetry:
        """What was kept of the CPU and of one GPU (its UUID as torch or NVML writes it; None: no GPU)."""
        uuid = next((known for known in self._gpus if gpu_uuid and same_gpu(gpu_uuid, known)), None)
        absent = self._cpu.absent
        if uuid is not None:
            absent += self._gpus[uuid].absent
        elif gpu_uuid is not None:
            absent += (Absent("gpu", "nvml_gpu_not_found"),)
        if self._stopping.is_set() and self._thread.is_alive():
            absent += (Absent("gpu" if uuid else "cpu", "sampler_hangs"),)
        with self._lock:
            return Telemetry(
                interval_s=self._interval_s * self._keep_every,
                cpu=tuple(self._cpu_kept),
                gpu=tuple(self._gpu_kept[uuid]) if uuid else (),
                absent=absent,
            )

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as failure:
            self._failure = failure  # for whoever calls stop(); raised here too, to be seen at once
            raise

    def _watch(self) -> None:
        due_s = self._clock()
        stopping = False
        while not stopping:
            self._take(last=False)
            # Counted from the schedule, not from now: no drift. A tick that was missed is not made up for.
            due_s += self._interval_s * (1 + int((self._clock() - due_s) / self._interval_s))
            stopping = self._wait(due_s - self._clock())
        self._take(last=True)

    def _take(self, *, last: bool) -> None:
        at_s = self._clock() - self._origin_s
        cpu = self._cpu.sample(at_s)
        gpus = {uuid: reader.sample(at_s) for uuid, reader in self._gpus.items()}
        with self._lock:
            self._latest = (cpu, gpus)
            if last or self._taken % self._keep_every == 0:
                self._keep(cpu, gpus, last)
            self._taken += 1

    def _keep(self, cpu: CpuSample, gpus: dict[str, GpuSample], last: bool) -> None:
        if len(self._cpu_kept) == MAX_SAMPLES and not last:
            self._keep_every *= 2
            del self._cpu_kept[1::2]
            for kept in self._gpu_kept.values():
                del kept[1::2]
        self._cpu_kept.append(cpu)
        for uuid, sample in gpus.items():
            self._gpu_kept[uuid].append(sample)
