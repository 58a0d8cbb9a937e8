"""What all visitors share: the store, the queue with its warm worker, the recordings, final results."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from core import paths
from core.errors import StoreError
from core.records import Note, RunResult
from core.runs.jobs import Runner
from core.runs.keeping import Keeper
from core.runs.optimise import Optimiser
from core.runs.recordings import Recordings, load_all
from core.runs.store import Store


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
        return Storage(None, Note(problem.code, dict(problem.facts)))  # type: ignore[arg-type]


@st.cache_resource(show_spinner=False)
def runner() -> Runner:
    return Runner(Keeper(storage().store), paths.datasets_dir())


@st.cache_resource(show_spinner=False)
def optimiser() -> Optimiser:
    return Optimiser(runner())


def recordings() -> Recordings:
    return load_all(paths.recordings_dir())


def results_of(job_id: str) -> tuple[RunResult, ...]:
    """A job's results, () if there are none (yet). Raises StoreError for a stored run that can't be read."""
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
