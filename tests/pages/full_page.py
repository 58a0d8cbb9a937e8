"""Run by test_server_imports in a process of its own: a stored result in full, then a job's live panel.

It prints the names of its arguments that are loaded modules then.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

from core.records import JobSpec
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper
from pages._shared import resources
from tests.builders import make_gpu_result, make_result
from tests.pages.scripted import Workers, begun

_DASHBOARD = Path(__file__).parents[2] / "dashboard.py"


def main() -> None:
    pair = (make_result(), make_gpu_result())
    spec = JobSpec(pair[0].spec.workload, tuple(run.spec.setup for run in pair))
    store = resources.storage().store
    assert store is not None
    store.add_job("job-1", spec, pair[0].created_at, "elsewhere:1:1")
    Keeper(store).results(pair)
    store.set_job_state("job-1", "finished")

    workers = Workers()
    resources.Runner = functools.partial(Runner, start_worker=workers.start)
    resources.runner().wait_for_worker()
    page = AppTest.from_file(str(_DASHBOARD), default_timeout=60)
    page.query_params["job"] = "job-1"
    page.session_state["evidence"] = True
    page.run()
    assert not page.exception, page.exception
    assert len(page.get("plotly_chart")) == 8, page

    job_id = resources.runner().submit(spec)
    job = resources.runner().job(job_id)
    assert job is not None
    assert workers.current is not None
    workers.current.tell(*begun(0, pair[0], 8))
    while len(job.assembly.runs[0].blocks) < 8:
        resources.runner().wait(job_id, 0.1)
    live = AppTest.from_file(str(_DASHBOARD), default_timeout=60)
    live.query_params["job"] = job_id
    live.run()
    assert not live.exception, live.exception
    assert len(live.metric) == 2, live

    sys.stdout.write(" ".join(name for name in sys.argv[1:] if name in sys.modules))


if __name__ == "__main__":
    main()
