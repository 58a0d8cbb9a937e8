"""The dashboard without a browser or a measurement: a scripted worker and a database of each test's own."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from core.hardware import environment
from core.records import JobSpec, RunResult
from core.runs.admission import Limits
from core.runs.elsewhere import cluster
from core.runs.files import exchange
from core.runs.queue import machine_lock
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from pages._shared import resources, visitor
from tests.builders import make_gpu_result, make_machine, make_result
from tests.fake_targets import FakeTargets
from tests.pages.clustered import ADDRESS
from tests.pages.scripted import Workers

_ROOT = Path(__file__).parents[2]
WITHOUT_GPU = make_machine(gpus=(), driver=None, gpus_absent="nvml_no_driver")
_PATIENCE_S = 60.0  # a busy machine; nothing here waits on a clock


class Dashboard:
    """One server's shared parts, and visitors to it."""

    def __init__(self, workers: Workers, recordings: Path) -> None:
        self.workers, self._recordings = workers, recordings

    def visit(self, locale: str = "en-US", page: str | None = None, **parameters: str) -> AppTest:
        """A new visitor who opens a link to a page (the first one without a name).

        The worker has told its devices, unless it is held.
        """
        if self.workers.ready.is_set():
            self.runner.wait_for_worker()
        visitor = AppTest.from_file(str(_ROOT / "dashboard.py"), default_timeout=_PATIENCE_S)
        visitor.context = {"locale": locale}
        visitor.query_params = dict(parameters)
        if page is not None:
            visitor.switch_page(page)
        return visitor.run()

    def taking_away(self, **parameters: str) -> AppTest:
        """A visitor who has opened "Take it away"."""
        visitor = self.visit(**parameters)
        visitor.session_state["take_away"] = True
        return visitor.run()

    @property
    def runner(self) -> Runner:
        return resources.runner()

    @property
    def store(self) -> Store:
        store = resources.storage().store
        assert store is not None
        return store

    def keep(self, *results: RunResult, state: str = "finished") -> str:
        """Store a job that is over, as an earlier server would have left it; its id."""
        job_id, work = results[0].job_id, results[0].spec.workload
        spec = JobSpec(work, tuple(result.spec.setup for result in results), 30.0)
        self.store.add_job(job_id, spec, results[0].created_at, "elsewhere:1:1")
        Keeper(self.store).results(results)
        self.store.set_job_state(job_id, state)
        return job_id

    def record(self, *results: RunResult) -> None:
        """Ship a recording."""
        document = exchange.document(results, created_at="2026-11-01T00:00:00+00:00")
        (self._recordings / "2026-11-01_test-gpu.json").write_text(json.dumps(document))

    def until(self, job_id: str, holds: Callable[[], bool]) -> None:
        """Block on the job's events until something holds; a short limit, for one that came in between."""
        while not holds():
            job = self.runner.wait(job_id, 0.1)
            assert job is not None
            assert holds() or not job.done, "the job is over and it never held"

    def finished(self, job_id: str) -> None:
        job = self.runner.job(job_id)
        assert job is not None
        self.until(job_id, lambda: job.done)


@pytest.fixture(scope="session", autouse=True)
def _components_looked_for_once() -> Iterator[None]:
    """Each AppTest would go through all installed packages, which takes as long as drawing a page."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(autouse=True)
def _through_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rerun goes through dashboard.py, as on a server.

    AppTest forgets at each run that `st.navigation` has replaced Streamlit's own use of a folder called
    pages/, and would run the page's script alone from the second run on.
    """
    first = PagesManager.__init__

    def then(self: PagesManager, *args: object, **options: object) -> None:
        first(self, *args, **options)  # type: ignore[arg-type]
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", then)


@pytest.fixture
def pair() -> tuple[RunResult, RunResult]:
    """One job, measured here: the CPU, and a GPU four times as fast."""
    return make_result(), make_gpu_result()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limits: Limits) -> Iterator[Dashboard]:
    """A server of its own: empty database, no recordings, no GPU; closed at the end."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'results.sqlite3'}")
    monkeypatch.setenv("CROSSOVER_RECORDINGS_DIR", str(tmp_path))
    monkeypatch.setenv("CROSSOVER_KEEP_DAYS", "3650")  # a public one keeps invented runs, however old by now
    monkeypatch.setattr(environment, "machine", lambda: WITHOUT_GPU)
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path / "measuring.lock")  # others may measure meanwhile
    monkeypatch.setattr(visitor, "_address", lambda trust_proxy: None)  # AppTest has neither
    monkeypatch.setattr(visitor, "_cookie", lambda: "")
    workers = Workers()
    starting = functools.partial(Runner, limits=limits, start_worker=workers.start)
    monkeypatch.setattr(resources, "Runner", starting)
    st.cache_resource.clear()
    yield Dashboard(workers, tmp_path)
    workers.ready.set()
    resources.runner().close()
    if store := resources.storage().store:
        store.close()
    st.cache_resource.clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTargets:
    """Other machines: Ray is installed, and whoever connects to a cluster gets these."""
    found = FakeTargets()
    monkeypatch.delenv("CROSSOVER_CLUSTER", raising=False)
    monkeypatch.setattr(cluster, "available", lambda: True)
    monkeypatch.setattr(cluster, "connected", lambda address: found)
    return found


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, dashboard: Dashboard, fake: FakeTargets) -> Dashboard:
    """A server whose own cluster these are, looked over."""
    monkeypatch.setenv("CROSSOVER_CLUSTER", ADDRESS)
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    return dashboard
