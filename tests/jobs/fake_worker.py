"""A worker process that speaks the protocol and measures nothing: the model's name says what it does.

quick     three blocks of each setup, all told, the end
endless   two blocks of the first setup, and no more
dies      two blocks, then it is killed
half      a block, then it is killed in the middle of the next
breaks    some last words, exit code 7
refused   an error, as for input that can't be
spoilt    a lost device: the last job of this process, which then doesn't end by itself
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.codec import from_plain, to_plain
from core.records import Device, JobSpec
from tests.builders import make_blocks, make_result, make_software

EXAMPLE = make_result()
BLOCKS = make_blocks(0.2, start_s=10.0)  # of the first setup; the second's follow by a second and a half
BATCH = [64]  # of the job that is running
PROBLEM = {"code": "device_failed", "facts": {"device": "cpu", "problem": "gone"}}


def main() -> None:
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    tell("hello", software=make_software(), devices=[Device("cpu", "Test CPU")])
    while True:
        message = jobs.get()
        spec = from_plain(JobSpec, message["job"])
        if served := os.environ.get("TEST_SERVED"):
            with Path(served).open("a") as file:
                file.write(f"{spec.workload.seed}\n")
        BATCH[:] = [spec.workload.batch_size]
        globals()[f"_{spec.workload.model}"](spec)
        tell("end", last=False)


def _read(jobs: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(3)


def tell(event: str, **fields: Any) -> None:
    say(json.dumps({"type": event, **{name: to_plain(value) for name, value in fields.items()}}) + "\n")


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def begin(run: int) -> None:
    tell("setup", run=run)
    tell(
        "warm",
        run=run,
        threads=2,
        thread_trials=[],
        data=EXAMPLE.data,
        cold_start=EXAMPLE.cold_start,
        memory=EXAMPLE.memory,
        steps_per_epoch=22,
        losses=[],
    )


def blocks(run: int, first: int, count: int) -> None:
    for block in BLOCKS[first : first + count]:
        later_s = 1.5 * run if run < 2 else 100.0 * run  # in the first two's gaps there is room for no third
        own = replace(block, start_s=block.start_s + later_s, samples=block.steps * BATCH[0])
        tell("block", run=run, block=own, losses=[block.loss])


def _quick(spec: JobSpec) -> None:
    tell("data", stage="prepare", fraction=1.0)
    for run in range(len(spec.setups)):
        begin(run)
    for run in range(len(spec.setups)):
        blocks(run, 0, 3)
        epoch = EXAMPLE.epochs[0]
        tell("epoch", run=run, epoch=replace(epoch, samples=epoch.steps * BATCH[0]))
        tell("anatomy", run=run, anatomy=EXAMPLE.anatomy)
        tell("run_end", run=run, status="finished")


def _endless(spec: JobSpec) -> None:
    begin(0)
    blocks(0, 0, 2)
    threading.Event().wait()


def _dies(spec: JobSpec) -> None:
    begin(0)
    blocks(0, 0, 2)
    os.kill(os.getpid(), signal.SIGKILL)


def _half(spec: JobSpec) -> None:
    begin(0)
    blocks(0, 0, 1)
    say('{"type": "block", "run": 0, "blo')
    os.kill(os.getpid(), signal.SIGKILL)


def _breaks(spec: JobSpec) -> None:
    sys.stderr.write("first words\nlast words\n")
    sys.stderr.flush()
    os._exit(7)


def _refused(spec: JobSpec) -> None:
    tell("error", kind="input", code="batch_too_large", facts={"batch_size": 64, "train_samples": 5})


def _spoilt(spec: JobSpec) -> None:
    begin(0)
    blocks(0, 0, 2)
    tell("run_end", run=0, status="failed", failure=PROBLEM)
    tell("error", kind="failure", **PROBLEM)
    tell("end", last=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
