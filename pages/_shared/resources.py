"""What all visitors share: the store, the queue with its warm worker, the recordings, final results."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from core import hosting as hosted
from core import paths
from core.errors import InputError, StoreError
from core.hardware.monitor import Monitor
from core.records import Note, RunResult
from core.runs.admission import Limits
from core.runs.checkup import Checkup
from core.runs.elsewhere import cluster
from core.runs.elsewhere.connections import Connections
from core.runs.elsewhere.targets import Targets
from core.runs.files.recordings import Recordings, load_all
from core.runs.guests import GuestImports
from core.runs.optimise import Optimiser
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper
from core.runs.scaling import Scaler
from core.runs.store import Store
from core.runs.sweeping.sweep import Sweeper


@st.cache_resource(show_spinner=False)
def hosting() -> hosted.Hosting:
    """Whether this server is a public demo. Raises InputError where a variable or secret can't be read."""
    named = {name: os.environ.get(name) or _secret(name) for name in hosted.VARIABLES}
    return hosted.from_environment({name: value for name, value in named.items() if value})


@st.cache_resource(show_spinner=False)
def door() -> hosted.Door:
    return hosted.Door(hosting().admin_key)


@st.cache_resource(show_spinner=False)
def guests() -> GuestImports:
    """What visitors of a public demo have imported, each for themselves."""
    return GuestImports()


@dataclass(frozen=True)
class Storage:
    store: Store | None
    problem: Note | None  # why there is none


@st.cache_resource(show_spinner=False)
def storage() -> Storage:
    """The store; without one the dashboard still measures, and says that nothing is kept."""
    try:
        return Storage(Store(paths.database_url(_secret("DATABASE_URL"))), None)
    except StoreError as problem:
        return Storage(None, problem.note)


@st.cache_resource(show_spinner=False)
def runner() -> Runner:
    keeper, keep_days = Keeper(storage().store), hosting().keep_days
    if hosting().public:
        return Runner(keeper, paths.datasets_dir(), limits=Limits.public(), keep_days=keep_days)
    return Runner(keeper, paths.datasets_dir(), keep_days=keep_days)


@st.cache_resource(show_spinner=False)
def clusters() -> Connections:
    """Other machines. A public demo connects to none, whatever it is asked."""
    return Connections(_connected if runner().limits.free else _refused)


def _connected(address: str) -> Targets:
    return cluster.connected(address)


def _refused(address: str) -> Targets:
    raise InputError("cluster_not_public")


def cluster_address() -> str:
    """Where the server's owner has other machines; "": nowhere."""
    return os.environ.get("CROSSOVER_CLUSTER", "").strip()


@st.cache_resource(show_spinner=False)
def optimiser() -> Optimiser:
    return Optimiser(runner())


@st.cache_resource(show_spinner=False)
def sweeper() -> Sweeper:
    return Sweeper(runner())


@st.cache_resource(show_spinner=False)
def scaler() -> Scaler:
    return Scaler(runner())


@st.cache_resource(show_spinner=False)
def checkup() -> Checkup:
    """The examination of this machine, one for all."""
    return Checkup()


@st.cache_resource(show_spinner=False)
def monitor() -> Monitor:
    queue = runner()  # the monitor asks it from a thread of its own, where Streamlit's caches aren't to be used
    return Monitor(lambda: [job.id for job in measured_now(queue)])


def measured_now(queue: Runner) -> list[Job]:
    """The jobs that are really being measured: not those that wait, for their turn or for another program.

    On this machine: what others measure isn't among the queue's open jobs.
    """
    return [job for job in queue.open_jobs() if job.state == "running" and not job.waiting_for_machine]


def recordings() -> Recordings:
    return load_all(paths.recordings_dir())


def results_of(job_id: str) -> tuple[RunResult, ...]:
    """A job's results, () if there are none (yet). Raises StoreError for a stored run that can't be read."""
    return tuple(result for result in _all_results_of(job_id) if result.id not in _deleted())


def forget(run_ids: Iterable[str]) -> None:
    """These were deleted: no page shows them from now on, though they are in memory."""
    _deleted().update(run_ids)


def remember(run_ids: Iterable[str]) -> None:
    """That was undone; what was read meanwhile lacks them."""
    _final.clear()
    _deleted().difference_update(run_ids)


@st.cache_resource(show_spinner=False)
def _deleted() -> set[str]:
    return set()


def _all_results_of(job_id: str) -> tuple[RunResult, ...]:
    job = runner().job(job_id)
    if job is not None:
        return job.results if job.done else ()
    store = storage().store
    if store is None:
        return ()
    if job_id not in _over():
        row = store.job(job_id)
        if row is not None and row.state in ("queued", "running"):
            return store.runs_of_job(job_id)  # another program's, and growing: not to be cached
        _over().add(job_id)
    return _final(job_id)


@st.cache_resource(show_spinner=False)
def _over() -> set[str]:
    """Jobs that were seen to be over, so that nobody has to ask again."""
    return set()


@st.cache_resource(show_spinner=False, max_entries=64)
def _final(job_id: str) -> tuple[RunResult, ...]:
    store = storage().store
    assert store is not None
    return store.runs_of_job(job_id)


def _secret(name: str) -> str | None:
    try:
        value = st.secrets.get(name)
    except (FileNotFoundError, StreamlitSecretNotFoundError):
        return None
    return str(value) if value else None
