"""The sidebar's part on other machines: connecting to a cluster, and what it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from core.i18n import Translate
from core.messages import sentence
from core.records import Device, Target
from core.runs.elsewhere.connections import Connection
from core.runs.elsewhere.kinds import Kind
from pages._shared import elsewhere, language, live, resources, sidebar
from pages._shared.markdown import plain

_FIELD = "cluster_field"
_FIELD_WIDTH = 176  # from 180 on, Streamlit writes how to submit over what is typed
_MOST_IN_FULL, _LIST_HEIGHT = 8, 420  # kinds; more are scrolled
_EXAMPLE = "ray://HOST:10001"


def show(devices: Sequence[Device], translate: Translate) -> None:
    """Below the devices. A public demo has no such thing."""
    if not elsewhere.offered():
        return
    _ = translate
    known = elsewhere.connection()
    kinds = elsewhere.kinds()
    if elsewhere.usable():
        _choose(kinds, devices, _)
    with st.expander(
        _("Other machines"),
        expanded=known is not None and (known.looking or known.problem is not None),
        key="other_machines",
    ):
        if not elsewhere.installed():
            _explain(_)
            st.markdown(sentence("cluster_extra_missing", {}, _))
        elif known is None or known.cluster is None:
            _explain(_)
            _address(known, _)
        else:
            _connected(known, kinds, _)
        if known is not None and known.looking:
            _wait(known.address)


def _explain(translate: Translate) -> None:
    st.markdown(translate("Measures the same work on every kind of device that a Ray cluster of yours has."))


def _choose(kinds: Sequence[Kind], devices: Sequence[Device], translate: Translate) -> None:
    _ = translate
    here = [device.id for device in devices]
    st.button(
        _("Every kind of device"),
        type="tertiary",
        icon=":material/select_all:",
        key="every_kind",
        on_click=sidebar.use_devices,
        args=([*here, *elsewhere.tokens()],),
        help=_("This machine's devices, and one of each kind that the cluster has."),
    )
    if any(len(_fit(kind)) > 1 for kind in kinds):
        st.toggle(
            _("Every machine of a kind"),
            key="every_machine",
            on_change=sidebar.leave_job,
            persist_state="session",
            help=_("Otherwise one machine stands for all of its kind."),
        )


def _address(known: Connection | None, translate: Translate) -> None:
    _ = translate
    st.session_state.setdefault(_FIELD, elsewhere.address())
    with st.form("cluster_form", border=False):
        st.text_input(
            _("Address of the Ray cluster"),
            key=_FIELD,
            width=_FIELD_WIDTH,
            placeholder=_EXAMPLE,
            help=_(
                "HOST:6379 where this machine is one of the cluster's, ray://HOST:10001 where it isn't, or "
                "auto for a cluster that was started here."
            ),
        )
        st.form_submit_button(
            _("Connect"),
            icon=":material/cable:",
            width=_FIELD_WIDTH,
            on_click=_connect,
            disabled=known is not None and known.looking,
        )
    if known is not None:
        _say_problem(known, _)


def _say_problem(known: Connection, translate: Translate) -> None:
    if known.problem is not None and not known.looking:
        st.error(plain(sentence(known.problem.code, known.problem.facts, translate)), icon=":material/error:")


def _connect() -> None:
    wanted = str(st.session_state[_FIELD] or "").strip()
    if wanted:
        elsewhere.use(wanted)


def _connected(known: Connection, kinds: Sequence[Kind], translate: Translate) -> None:
    _ = translate
    st.caption(plain(_("Connected to {address}").format(address=known.address)))
    _say_problem(known, _)
    if not kinds:
        st.markdown(_("The cluster answers, but it has no machine to measure on."))
    with st.container(height=_LIST_HEIGHT if len(kinds) > _MOST_IN_FULL else "content", border=False):
        for kind in kinds:
            st.markdown("  \n".join(_lines(kind, _)))
    there = bool(resources.runner().jobs_away())
    with st.container(horizontal=True):
        st.button(
            _("Look again"),
            icon=":material/refresh:",
            key="look_again",
            on_click=elsewhere.look_again,
            disabled=known.looking,
        )
        st.button(
            _("Disconnect"),
            icon=":material/link_off:",
            key="disconnect",
            on_click=_disconnect,
            disabled=there,
            help=_("Cancel what is measured there first.") if there else None,
        )


def _disconnect() -> None:
    if resources.runner().jobs_away():  # begun since the page was drawn: it would end them
        return
    elsewhere.leave()
    st.session_state.pop(_FIELD, None)


@st.fragment(run_every=live.REFRESH_S)
def _wait(address: str) -> None:
    _ = language.current()
    known = resources.clusters().at(address)
    if known is None or not known.looking:
        st.rerun()
    st.caption(plain(_("Looking for machines at {address} …").format(address=address)))


def _lines(kind: Kind, translate: Translate) -> Iterator[str]:
    """How many, and their state; below it what is said against them, each once."""
    _ = translate
    fit = _fit(kind)
    busy = sum(target.state == "busy" for target in fit)
    if not fit:
        state, mark = _("can't measure"), ":red[:material/block:]"
    elif busy == 0:
        state, mark = _("free"), ":green[:material/check_circle:]"
    elif busy == len(fit):
        state, mark = _("busy, so a run waits"), ":orange[:material/hourglass_top:]"
    else:
        state, mark = _("{n} of {all} busy").format(n=busy, all=len(fit)), ":green[:material/check_circle:]"
    yield f"{mark} **{plain(kind.name)}**"
    yield f"{_machines(len(kind.targets), _)} · {state}"
    problems = (target.problem for target in kind.targets if target.problem is not None)
    for said in dict.fromkeys(sentence(note.code, note.facts, _) for note in problems):
        yield plain(said)


def _machines(count: int, translate: Translate) -> str:
    return translate("1 machine") if count == 1 else translate("{n} machines").format(n=count)


def _fit(kind: Kind) -> list[Target]:
    return [target for target in kind.targets if target.state != "unfit"]
