"""What the tests of the store keep in it: runs, jobs, and the servers that answer for them."""

from __future__ import annotations

from core.records import JobSpec, Note, RunResult, RunSpec, Setup, Workload
from tests.builders import make_result

WORK, CPU, GPU = Workload(), Setup(), Setup(device="cuda:0")
SPEC = JobSpec(Workload(model="cnn"), (CPU, GPU), max_seconds=12.5)
OWNER, OTHER, THIRD = "host:1:100", "host:2:200", "elsewhere:1:100"


def at(second: int) -> str:
    return f"2026-11-22T18:{second // 60:02}:{second % 60:02}+00:00"


def run(run_id="r1", job_id="j1", second=0, workload=WORK, setup=CPU, **changes) -> RunResult:
    return make_result(
        **{
            "id": run_id,
            "job_id": job_id,
            "spec": RunSpec(workload, setup),
            "created_at": at(second),
            "telemetry": None,
            "notes": (Note("a_note", {"text": "né", "count": 3, "share": 0.1, "yes": True, "none": None}),),
            **changes,
        }
    )
