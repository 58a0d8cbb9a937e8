"""`python -m benchmarks.watcher PID` samples that process from a line "on" to a line "off", as a server."""

from __future__ import annotations

import sys
import time

from core.hardware import environment
from core.hardware.sampler import Sampler


def main() -> None:
    gpus = [gpu.uuid for gpu in environment.machine().gpus]
    sampler = None
    for line in sys.stdin:
        if line.strip() == "on":
            sampler = Sampler(int(sys.argv[1]), gpus, time.perf_counter())
            sampler.start()
        elif sampler is not None:
            sampler.stop()
        print(line.strip(), flush=True)


if __name__ == "__main__":
    main()
