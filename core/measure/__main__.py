"""The worker: job specs as JSON lines on standard input, events as JSON lines on standard output.

    hello      software, devices            once, when torch is loaded
    data       stage, fraction              while the data set is prepared
    setup, limits, warm, note, block, epoch, anatomy, communication, run_end, trace, lessons
                                           with `run`, the setup's place in the job
    error      kind (input | failure), code, facts         the whole job has failed
    end         last                        the job is over; the next may come, unless this was the last

Standard input at its end means that the parent is gone: the process ends at once, whatever it is doing.
"""

from __future__ import annotations

import gc
import io
import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from core.codec import from_plain, to_plain
from core.errors import CrossoverError, InputError
from core.records import JobSpec


def main() -> int:
    """Serve jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    out = _claim_stdout()
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(_claim_stdin(), jobs), daemon=True).start()

    os.environ.setdefault("KINETO_LOG_LEVEL", "9")  # torch's profiler reports each of its beginnings
    from core.measure import devices, failures, job  # torch, over a second

    software, found = devices.software(), devices.available()

    def emit(event: str, **fields: Any) -> None:
        out.write(json.dumps({"type": event, **fields}, allow_nan=False) + "\n")
        out.flush()

    devices.load_the_rest()
    emit("hello", software=to_plain(software), devices=to_plain(found))
    while True:
        _tidy()  # while nobody waits
        message = jobs.get()
        context = job.Context(
            devices=found,
            default_threads=software.default_threads,
            data_root=Path(message["data_root"]),
            worker_start_s=message["worker_start_s"],
            clock_origin=message["clock_origin"],
        )
        spoilt = used_up = False
        try:
            used_up = job.run(from_plain(JobSpec, message["job"]), context, emit)
        except CrossoverError as problem:
            kind = "input" if isinstance(problem, InputError) else "failure"
            emit("error", kind=kind, code=problem.code, facts=problem.facts)
            spoilt = isinstance(problem, failures.ProcessSpoilt)
        emit("end", last=spoilt or used_up)
        if spoilt:
            return 4
        if used_up:
            return 0


def _tidy() -> None:
    """Collect, and leave what stays (torch, mostly) out of the collection that a job begins with.

    A tenth of a second, which otherwise every visitor would wait between the click and the first number.
    """
    gc.collect()
    gc.freeze()


def _claim_stdout() -> io.TextIOBase:
    """The real standard output for events alone; whatever a library prints goes to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return events


def _claim_stdin() -> io.TextIOBase:
    """The real standard input for jobs alone.

    A DataLoader's forked processes close `sys.stdin` first of all, and would wait for ever for the lock of the
    thread that reads it here. On Windows whatever looks at a pipe waits for whoever reads from it, and numpy's
    OpenBLAS looks at standard input while it is loaded (numpy/numpy#24290): hence nothing is left there.
    """
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    return lines


def _read(lines: io.TextIOBase, jobs: queue.Queue[dict[str, Any]]) -> None:
    for line in lines:
        jobs.put(json.loads(line))
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
