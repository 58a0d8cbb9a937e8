"""A cluster's driver that speaks the protocol and knows no Ray: the address says what it does.

good:1     two targets; a job's seed says what becomes of it: 0 results, 1 two events and no more, 2 refused,
           3 the machine is lost, 4 the driver dies, 5 the head is lost
refused:1  no cluster there
mute:1     never says anything
half:1     reaches the cluster and never enters it
deaf:1     enters the cluster and then reads nothing
dead:1     ends at once, with last words
junk:1     enters the cluster, says what is no message, and lives on
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

from core.codec import to_plain
from core.records import Note, Target

TARGETS = (Target("n1", "cpu", "small"), Target("n2", "cuda:0", "H200", 2, "busy"))
SILENT = (Target("n3", "cpu", "CPU", 1, "unfit", Note("node_silent", {"seconds": 15.0})),)


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def over(job: str, **problem: Any) -> None:
    say(type="over", job=job, problem=problem or None)


def measure(order: dict[str, Any]) -> None:
    job, seed = order["job"], order["spec"]["workload"]["seed"]
    say(type="event", job=job, event={"type": "placed", "node": order["node"]})
    if seed == 1:
        say(type="event", job=job, event={"type": "waiting"})
    elif seed == 2:
        over(job, kind="input", code="unknown_device", facts={"device": "mps", "available": "cpu"})
    elif seed == 3:
        over(job, kind="failure", code="node_lost", facts={"kind": order["kind"]})
    elif seed == 4:
        sys.stderr.write("first words\nlast words\n")
        sys.stderr.flush()
        os._exit(7)
    elif seed == 5:
        say(type="error", kind="failure", code="cluster_lost", facts={})
        os._exit(5)
    else:
        asked = {name: order[name] for name in ("gpus", "wait_s", "kind")}
        say(type="event", job=job, event={"type": "results", "runs": [], "failure": None, "asked": asked})
        over(job)


def main() -> None:
    case = sys.argv[1].partition(":")[0]
    if case == "refused":
        say(type="error", kind="failure", code="cluster_unreachable", facts={"address": "a:1", "problem": "no"})
        return
    if case == "dead":
        sys.exit("no such module")
    if case == "mute":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        sys.stderr.write(f"{child.pid}\n")
        sys.stderr.flush()
        threading.Event().wait()
    say(type="reached")
    if case == "half":
        threading.Event().wait()
    say(type="hello", ray="2", python="3")
    if case == "junk":
        sys.stdout.write("no message\n")
        sys.stdout.flush()
    if case in ("deaf", "junk"):
        threading.Event().wait()
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "look":
            say(type="targets", ask=command["ask"], targets=to_plain((*TARGETS, *SILENT)), problem=None)
        elif command["do"] == "cancel":
            over(command["job"])
        else:
            measure(command)


if __name__ == "__main__":
    main()
