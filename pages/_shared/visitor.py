"""Who is asking, as far as that must be known: to share a public server fairly, and to tell whose a run is.

Two pseudonyms. `me` is a browser: what is measured or imported is its own. It can be thrown off by deleting a
cookie, so hours are charged to `network`, the address that the browser comes from. Neither tells anything about
a person: the address is hashed with a salt that is gone with the server, and is never stored.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence

import streamlit as st
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string

from core import hosting
from core.errors import CrossoverError, InputError, MeasurementError
from core.records import JobSpec, Target
from core.runs.elsewhere.targets import Targets
from core.runs.queue.job import Job
from pages._shared import language, resources

_ME = "visitor"
_ADMIN = "admin"
_KEY = "admin_key"
_COOKIE = "_streamlit_xsrf"  # Streamlit gives it to every browser; from another one it can't be guessed


def me() -> str:
    """This browser, or this session where it takes no cookies."""
    if _ME not in st.session_state:
        token, _ = decode_xsrf_token_string(_cookie())  # masked anew each time
        st.session_state[_ME] = hashlib.sha256(token).hexdigest()[:32] if token else secrets.token_hex(16)
    found: str = st.session_state[_ME]
    return found


def network() -> str:
    """The address that this visitor comes from; without one (on this machine itself) the browser."""
    address = _address(resources.hosting().trust_proxy)
    return me() if address is None else hashlib.sha256(_salt() + _place(address).encode()).hexdigest()[:32]


def _address(trust_proxy: bool) -> str | None:
    if trust_proxy:  # which appends what it saw: what stands before may be made up
        forwarded = ",".join(st.context.headers.get_all("X-Forwarded-For"))
        if last := forwarded.rpartition(",")[2].strip():
            return last
    return st.context.ip_address


def _cookie() -> str:
    return st.context.cookies.get(_COOKIE, "")


def _place(address: str) -> str:
    """Of IPv6 the first half: the other is the visitor's own to choose."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def is_admin() -> bool:
    return bool(st.session_state.get(_ADMIN))


def may_change(owner: str | None) -> bool:
    """Whether this visitor may rename, tag, delete or cancel what `owner` measured."""
    return hosting.may_change(owner, me(), resources.hosting(), is_admin())


def may_cancel(job: Job) -> bool:
    return may_change(job.visitor)


def submit(spec: JobSpec) -> str:
    """Queue a job for this visitor. Raises InputError as the queue does."""
    return submit_all((spec,))[0]


def submit_all(specs: Sequence[JobSpec]) -> list[str]:
    """Queue jobs for this visitor, all or none."""
    return resources.runner().submit_all(specs, me(), network())


def submit_everywhere(
    here: JobSpec | None, away: Sequence[tuple[JobSpec, Target]], cluster: Targets | None, wait_s: float
) -> list[str]:
    """Queue one job for this machine and one for each of the others, all or none.

    Raises InputError as the queue does, and MeasurementError where the cluster is gone.
    """
    runner = resources.runner()
    for spec, target in (*([(here, None)] if here else []), *away):
        runner.check(spec, target)
    ids = runner.submit_all([here], me(), network()) if here else []
    try:
        for spec, target in away:
            if cluster is None:
                raise MeasurementError("kind_not_there", kind=target.kind)
            ids.append(runner.submit_away(spec, target, cluster, me(), network(), wait_s))
    except CrossoverError:
        for job_id in ids:
            runner.cancel(job_id)
        raise
    return ids


def cancel_all(job_ids: Sequence[str]) -> None:
    """Likewise, those of them that aren't over."""
    for job_id in job_ids:
        cancel(job_id)


def cancel(job_id: str) -> None:
    """Cancel a job, if this visitor may; for buttons."""
    everybody = may_change(None)
    try:
        resources.runner().cancel(job_id, None if everybody else me())
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]


def admin_door() -> None:
    """At the foot of the sidebar of a public server that has a key: the way in for who runs it."""
    hosted = resources.hosting()
    if not hosted.public or hosted.admin_key is None:
        return
    _ = language.current()
    if is_admin():
        st.button(_("Leave admin"), icon=":material/logout:", type="tertiary", on_click=_leave)
        return
    with st.expander(_("Admin"), icon=":material/key:"), st.form("admin", border=False):
        st.text_input(_("Admin key"), type="password", key=_KEY, max_chars=200)
        st.form_submit_button(_("Enter"), on_click=_enter)


def _enter() -> None:
    given = st.session_state[_KEY]
    st.session_state[_KEY] = ""
    try:
        resources.door().open(given)
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.session_state[_ADMIN] = True


def _leave() -> None:
    del st.session_state[_ADMIN]


@st.cache_resource(show_spinner=False)
def _salt() -> bytes:
    return secrets.token_bytes(16)
