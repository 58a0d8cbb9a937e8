"""The table of prices of a session: examples at first, changed one by one, and brought back."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, get_args

import streamlit as st

from core.analysis.decide.candidates import Candidate, key
from core.analysis.decide.plan import EXAMPLE_SOURCE, Conditions, Offer, Terms, Way, edited
from core.analysis.decide.plan_checks import amount, checked_conditions, checked_terms, day
from core.errors import CrossoverError, InputError
from core.i18n import Translate
from core.messages.decide import FIELDS
from core.records import Note
from core.runs.files.prices import MOST_OFFERS, PriceTable, examples, read_prices
from pages._decide.decide_words import LATEST
from pages._shared import language

Place = Offer | None  # of an entry; None: what holds for all devices

_TABLE, _SEEN = "decide_table", "decide_seen"
_BEFORE = "decide_before"  # what undo brings back: the table, and what was done to it
_ROUND = "decide_round"  # new widgets each time the table changes under them
_UNLIMITED = ("assumed_w", "grid_g")  # may be left empty: not known


def table(found: Sequence[Candidate], today: Candidate) -> PriceTable:
    """The session's prices, with examples for devices that are new to it."""
    state = st.session_state
    state.setdefault(_ROUND, 0)
    if _TABLE not in state:
        state[_TABLE], state[_SEEN] = PriceTable(examples([]).conditions, ()), []
    now: PriceTable = state[_TABLE]
    new = [one for one in found if key(one.device) not in state[_SEEN]]
    fresh = tuple(terms for one in new for terms in _first(one))
    if _own(today) not in state[_SEEN]:  # today's machine is one's own, whatever else
        fresh = (*fresh, _example(today, "own"))
    state[_SEEN] = [*state[_SEEN], *(key(one.device) for one in new), _own(today)]
    known = {one.offer[:2] for one in now.terms}
    added = {one.offer: one for one in fresh if one.offer[:2] not in known}
    if added:
        state[_TABLE] = now = replace(now, terms=(*now.terms, *added.values()))
    return now


def held() -> PriceTable:
    """The session's prices as they are."""
    found: PriceTable = st.session_state[_TABLE]
    return found


def latest_day() -> dt.date:
    """Today where the day begins first: nobody's today is a day to come."""
    return (dt.datetime.now(dt.UTC) + LATEST).date()


def are_examples(terms: Iterable[Terms]) -> bool:
    return all(one.source == EXAMPLE_SOURCE for one in terms)


def widget(name: str, place: Place) -> str:
    """The session key of a field's widget."""
    of = "all" if place is None else entry(place)
    return f"decide_price_{st.session_state[_ROUND]}_{name}_{of}"


def entry(offer: Offer) -> str:
    """An offer's part of a session key: no two share one."""
    device, way, name = offer
    return f"{way}_{device}" + (f"\n{name}" if name else "")  # a line's end is in no name


def section(offer: Offer) -> str:
    """The session key of whether an entry is open."""
    return f"decide_price_open_{entry(offer)}"


def change(key: str, name: str, place: Place, scale: float = 1.0) -> None:
    """Take a field's widget into the table; what makes no sense is told, and the widget shows the old value.

    `key`: the widget's, as it was drawn: typed quickly, a change may come from one that was replaced since.
    """
    now = held()
    if place is not None and all(one.offer != place for one in now.terms):
        return  # it was removed or renamed meanwhile
    given = st.session_state[key]
    try:
        value = _value(name, given, scale)
        if place is None:
            conditions = checked_conditions(_changed(now.conditions, name, value), latest_day())
            st.session_state[_TABLE] = replace(now, conditions=conditions)
            _follow_dates(now.conditions, conditions)
        else:
            old = next(one for one in now.terms if one.offer == place)
            new = checked_terms(edited(old, **{name: value}), latest_day())
            if new.offer != place:
                _rename(new.offer, now)
            st.session_state[_TABLE] = replace(
                now, terms=tuple(new if one is old else one for one in now.terms)
            )
            _follow_dates(old, new)
    except InputError as problem:
        refuse(problem)
        _other_widgets()


def _rename(offer: Offer, now: PriceTable) -> None:
    if offer in (one.offer for one in now.terms):
        raise InputError("offer_twice")
    st.session_state[section(offer)] = True  # as the one with the old name was
    _other_widgets()


def refuse(problem: InputError) -> None:
    """Have the page say what was wrong, with the field as a person knows it."""
    note = in_words(problem, language.current())
    st.session_state["problem"] = [note.code, dict(note.facts)]


def in_words(problem: CrossoverError, translate: Translate) -> Note:
    """The refusal, the name of its field in words."""
    name = problem.facts.get("name")
    named = {"name": translate(FIELDS[name])} if isinstance(name, str) and name in FIELDS else {}
    return Note(problem.code, {**problem.note.facts, **named})


def addable(found: Sequence[Candidate]) -> dict[str, list[Way]]:
    """By device, the ways that there is room for: one to own it, several offers to rent or buy it."""
    now = held()
    ways: dict[str, list[Way]] = {}
    for one in found:
        device = key(one.device)
        counts = Counter(terms.way for terms in now.of(device))
        if left := [way for way in get_args(Way) if counts[way] < (1 if way == "own" else MOST_OFFERS)]:
            ways[device] = left
    return ways


def add(found: Sequence[Candidate], device_widget: str, way_widget: str) -> None:
    """An entry with example values, of the device and in the way that two widgets hold; it is opened."""
    _, now = language.current(), held()
    device, way = st.session_state[device_widget], st.session_state[way_widget]
    one = next((one for one in found if key(one.device) == device), None)
    if one is None or way not in addable(found).get(device, ()):
        return
    names = {terms.name for terms in now.of(device) if terms.way == way}
    numbered = (_("Offer {n}").format(n=n) for n in itertools.count(2))
    name = next(name for name in itertools.chain([""], numbered) if name not in names)
    new = replace(_example(one, way), name=name)
    st.session_state[_TABLE] = replace(now, terms=(*now.terms, new))
    st.session_state[section(new.offer)] = True
    _other_widgets()


def remove(offer: Offer) -> None:
    """Take an entry out; undo brings it back."""
    now = held()
    _remember("removed")
    st.session_state[_TABLE] = replace(now, terms=tuple(one for one in now.terms if one.offer != offer))
    _other_widgets()


def reset() -> None:
    """Back to the examples; undo brings the entered prices back."""
    _remember("reset")
    del st.session_state[_TABLE]
    _other_widgets()


def load(name: str, content: bytes) -> None:
    """Take a file's prices. Raises InputError as `read_prices` does; the present prices then stay."""
    found = read_prices(name, content, latest_day())
    _remember("loaded")
    st.session_state[_TABLE] = found
    _other_widgets()


def undone() -> str | None:
    """What can be undone: "removed", "reset" or "loaded"."""
    before = st.session_state.get(_BEFORE)
    return before[1] if before else None


def undo() -> None:
    """Bring the prices back that were there before."""
    st.session_state[_TABLE] = st.session_state[_BEFORE][0]
    forget()
    _other_widgets()


def forget() -> None:
    """What was done is meant."""
    st.session_state[_BEFORE] = None


def _remember(what: str) -> None:
    st.session_state[_BEFORE] = (st.session_state[_TABLE], what)


def _other_widgets() -> None:
    st.session_state[_ROUND] += 1


def _first(one: Candidate) -> tuple[Terms, ...]:
    """Nobody rents or buys the processor that is here already; whoever would adds that."""
    found = examples([one]).terms
    if one.result.spec.setup.device == "cpu" and any(terms.way == "own" for terms in found):
        return tuple(terms for terms in found if terms.way == "own")
    return found


def _own(today: Candidate) -> str:
    return f"{key(today.device)} own"


def _example(one: Candidate, way: Way) -> Terms:
    """An example value also for what there is none of: to own a device that wasn't measured here."""
    found = {terms.way: terms for terms in examples([one]).terms}
    if way in found:
        return found[way]
    rent = found["rent"]
    power = {"assumed_w": rent.assumed_w, "rest_w": rent.rest_w}
    return Terms(rent.device, way, **power, date=rent.date, source=rent.source)  # type: ignore[arg-type]


def _changed(now: Conditions, name: str, value: Any) -> Conditions:
    """As `edited` for a device's: an example's date and source go once a value isn't the example's any more."""
    new = replace(now, **{name: value})
    if name not in ("date", "source") and new != now and now.source == EXAMPLE_SOURCE:
        return replace(new, date="", source="")
    return new


def _follow_dates(old: Terms | Conditions, new: Terms | Conditions) -> None:
    """Other widgets where date and source have changed with a price."""
    if (old.source, old.date) != (new.source, new.date):
        _other_widgets()


def _value(name: str, given: Any, scale: float) -> Any:
    """Raises InputError for what no number or day can be made of."""
    if name in ("name", "source", "currency"):
        return str(given or "").strip()
    if name == "date":
        return day(given or "", latest_day())
    if given is None and name in _UNLIMITED:
        return None
    return amount(name, "" if given is None else given) * scale
