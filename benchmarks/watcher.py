"""`python -m benchmarks.watcher WHAT PID` watches from a line "on" to a line "off", as a server does.

WHAT: "sampler", which samples that process as in a job; "monitor", which reads the machine as for the page.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from core.hardware import environment
from core.hardware.monitor import Monitor
from core.hardware.sampler import Sampler

Stop = Callable[[], object]


def main() -> None:
    start = {"sampler": _sample, "monitor": _read}[sys.argv[1]]
    stop: Stop | None = None
    for line in sys.stdin:
        if line.strip() == "on":
            stop = start()
        elif stop is not None:
            stop()
        print(line.strip(), flush=True)


def _sample() -> Stop:
    sampler = Sampler(int(sys.argv[2]), [gpu.uuid for gpu in environment.machine().gpus], time.perf_counter())
    sampler.start()
    return sampler.stop


def _read() -> Stop:
    monitor = Monitor(lambda: ("a job",))
    monitor.look()
    return monitor.close


if __name__ == "__main__":
    main()
