"""Other machines: the cluster that a visitor looks at, its kinds of devices, and the words for them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.i18n import Translate
from core.runs.elsewhere import cluster
from core.runs.elsewhere import kinds as kinds_of
from core.runs.elsewhere.connections import Connection
from core.runs.elsewhere.kinds import Kind
from pages._shared import resources
from pages._shared.settings import token

_ADDRESS = "cluster"  # in the session


def offered() -> bool:
    """A public demo measures on its own machine alone."""
    return resources.runner().limits.free


def installed() -> bool:
    return cluster.available()


def address() -> str:
    """The visitor's own; without one, that which somebody has connected this server to; else the server's."""
    own: str | None = st.session_state.get(_ADDRESS)
    return own or resources.clusters().newest() or resources.cluster_address()


def use(wanted: str) -> None:
    """Look for machines there, in the background."""
    st.session_state[_ADDRESS] = wanted
    resources.clusters().look(wanted)


def look_again() -> None:
    """Nothing where nobody has connected."""
    if address():
        resources.clusters().look(address())


def leave() -> None:
    """For everybody: what is measured there ends."""
    resources.clusters().leave(address())
    st.session_state.pop(_ADDRESS, None)


def connection() -> Connection | None:
    """What is known of it; None where nobody has asked. The server's own is looked for unasked, once."""
    if not (offered() and installed()):
        return None
    own = resources.cluster_address()
    if own:
        resources.clusters().look_once(own)
    return resources.clusters().at(address())


def kinds() -> tuple[Kind, ...]:
    known = connection()
    return kinds_of.kinds(known.targets) if known is not None and known.cluster is not None else ()


def usable() -> tuple[Kind, ...]:
    """Without those that can't measure."""
    return tuple(kind for kind in kinds() if kind.state != "unfit")


def tokens() -> tuple[str, ...]:
    """The kinds that can be chosen, as devices of the settings."""
    return tuple(dict.fromkeys(token(kind.name) for kind in usable()))


def missing(names: Sequence[str]) -> tuple[str, ...]:
    """Those of the kinds that aren't there now, or can't measure."""
    there = {kind.name for kind in usable()}
    return tuple(name for name in names if name not in there)


def words(kind: str, translate: Translate) -> str:
    """ "NVIDIA H200 · cluster"."""
    return translate("{kind} · cluster").format(kind=kind)


def names(kinds: Sequence[str | None], translate: Translate) -> list[str]:
    """Of jobs that belong together, by where each is measured (None: here); equal ones are numbered."""
    found = [translate("This machine") if kind is None else words(kind, translate) for kind in kinds]
    return [
        name if found.count(name) == 1 else f"{name} ({found[: i + 1].count(name)})"
        for i, name in enumerate(found)
    ]
