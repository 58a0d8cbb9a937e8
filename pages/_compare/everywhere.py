"""One run on every device that is chosen: a job for this machine, and one for each kind of other machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.errors import CrossoverError
from core.records import JobSpec, Target
from core.runs.elsewhere.kinds import Kind, representative
from pages._shared import elsewhere, notices, sidebar, visitor
from pages._shared.settings import Settings

_WAIT_S = 600.0  # for a machine that is busy; then its kind is left out, and said so


@dataclass(frozen=True)
class Plan:
    """What pressing Run would start."""

    here: JobSpec | None
    away: tuple[tuple[JobSpec, Target], ...]  # CPUs first, so that the others are compared with one

    @property
    def empty(self) -> bool:
        return self.here is None and not self.away


def plan(settings: Settings) -> Plan:
    here = settings.job() if settings.setups() else None
    chosen = [kind for kind in elsewhere.usable() if kind.name in settings.kinds]
    targets = [target for kind in chosen for target in _machines(kind, settings.every_machine)]
    jobs = [(settings.job_on(target.device), target) for target in targets]
    able = [(spec, target) for spec, target in jobs if spec.setups]  # there is no TF32 on a CPU
    return Plan(here, tuple(sorted(able, key=lambda job: job[1].device != "cpu")))


def _machines(kind: Kind, every: bool) -> Sequence[Target]:
    """They go by the kind's own name: two kinds may have one label."""
    one = representative(kind)
    fit = [target for target in kind.targets if target.state != "unfit"]
    return [replace(target, kind=kind.name) for target in (fit if every else [one] if one else [])]


def submit() -> None:
    """Queue what the controls show, all or nothing; for the button."""
    wanted, known = plan(sidebar.read_settings()), elsewhere.connection()
    try:
        ids = visitor.submit_everywhere(wanted.here, wanted.away, known.cluster if known else None, _WAIT_S)
    except CrossoverError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        if wanted.away:
            elsewhere.look_again()  # it may be lost
        return
    sidebar.follow_jobs(",".join(ids))


def tell_missing(settings: Settings) -> None:
    """The kinds that are chosen, as by a link, and can't be had now."""
    known = elsewhere.connection()
    missing = elsewhere.missing(settings.kinds)
    if missing and not (known is not None and known.looking):
        notices.kinds_missing(missing)
