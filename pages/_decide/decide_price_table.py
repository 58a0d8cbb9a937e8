"""The prices as widgets: what holds for all devices, then each device in each way; as files, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core import units
from core.analysis.decide.candidates import Candidate, key
from core.analysis.decide.plan import EXAMPLE_SOURCE, Conditions, Offer, Terms
from core.analysis.decide.plan_checks import TEXTS
from core.errors import InputError
from core.i18n import Translate
from core.runs.files.prices import PriceTable, write_prices
from pages._decide import decide_prices as prices
from pages._decide.decide_words import device_words, named, way_words
from pages._shared.markdown import plain

_UPLOADS = "decide_uploads"
_REFUSED = "decide_refused"  # the last file wasn't taken
_LARGEST_MB = 1
_NEW_DEVICE, _NEW_WAY = "decide_new_device", "decide_new_way"


def show(table: PriceTable, found: Sequence[Candidate], translate: Translate) -> None:
    """Everything that can be done with prices."""
    _ = translate
    st.subheader(_("Prices"), anchor=False)
    st.caption(
        _(
            "Crossover knows no prices: put in what you pay or were offered, with its date and source. They "
            "stay in this session and are no part of the link; download them to keep them."
        )
    )
    _undo(_)
    names = {key(one.device): device_words(one, _) for one in found}
    _conditions(table.conditions, _)
    shown = [one for one in table.terms if one.device in names]
    for terms in shown:
        _entry(terms, names[terms.device], table.conditions.currency, _)
    others = len(table.terms) - len(shown)
    if others:
        text = _("{n} more prices are of devices that weren't measured with this model; they are kept.")
        st.caption(text.format(n=others))
    _adding(found, names, _)
    _files(table, _)


def _undo(translate: Translate) -> None:
    _ = translate
    what = prices.undone()
    if what is None:
        return
    said = {
        "removed": _("A price was removed."),
        "reset": _("All prices are example values again."),
        "loaded": _("The prices of the file are in use."),
    }
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(said[what])
        st.button(_("Undo"), icon=":material/undo:", on_click=prices.undo, key="decide_undo")
        st.button(_("Close"), type="tertiary", on_click=prices.forget, key="decide_forget")


def _conditions(held: Conditions, translate: Translate) -> None:
    _ = translate
    with st.container(border=True):
        grid = st.grid("auto", min_column_width=200)
        with grid:
            _text(_("Currency"), "currency", None, held.currency, most=TEXTS["currency"])
            _number(
                _("{currency} for 1 kWh").format(currency=held.currency), "per_kwh", None, held.per_kwh, 0.01
            )
            _number(
                _("Grams of CO2 for 1 kWh"),
                "grid_g",
                None,
                held.grid_g,
                10.0,
                help_text=_("Of your grid, as its operator publishes it. Empty: no estimate is made."),
            )
            _number(
                _("{currency} for an hour of waiting").format(currency=held.currency),
                "hour_value",
                None,
                held.hour_value,
                1.0,
                help_text=_("What it costs you that somebody waits for a run. 0: nothing."),
            )
            _dated(None, held.date, held.source, _)


def _entry(terms: Terms, device: str, currency: str, translate: Translate) -> None:
    _ = translate
    place = terms.offer
    label = f"**{plain(named(device, terms, _))}** · {plain(_summary(terms, currency, _))}"
    section = st.expander(label, on_change="rerun", key=prices.section(place))
    if not section.open:
        return
    with section:
        with st.grid("auto", min_column_width=200):
            if terms.way != "own":
                _text(
                    _("Name of the offer"),
                    "name",
                    place,
                    terms.name,
                    most=TEXTS["name"],
                    hint=_("such as the seller's"),
                )
            if terms.way == "rent":
                _rent(terms, place, currency, _)
            else:
                _machine(terms, place, currency, _)
            _dated(place, terms.date, terms.source, _)
        st.button(
            _("Remove this price"),
            icon=":material/delete:",
            type="tertiary",
            on_click=prices.remove,
            args=(place,),
            key=f"decide_remove_{prices.entry(place)}",
        )


def _summary(terms: Terms, currency: str, translate: Translate) -> str:
    _ = translate
    if terms.way == "rent":
        main = _("{n} {currency} an hour").format(n=units.number(terms.per_hour), currency=currency)
    elif terms.way == "buy":
        main = _("{n} {currency}, used for {months} months").format(
            n=units.number(terms.purchase), currency=currency, months=units.number(terms.months)
        )
    else:
        main = _("electricity only")
    return f"{main} · {source_words(terms.source, terms.date, _)}"


def source_words(source: str, when: str, translate: Translate) -> str:
    """Where a price is from, and of when."""
    if source == EXAMPLE_SOURCE:
        return translate("example value")
    if not source and not when:
        return translate("no source given")
    return ", ".join(part for part in (source or translate("no source given"), when) if part)


def _rent(terms: Terms, place: Offer, currency: str, translate: Translate) -> None:
    _ = translate
    _number(_("{currency} an hour").format(currency=currency), "per_hour", place, terms.per_hour, 0.1)
    unit = {1.0: _("second"), 60.0: _("minute"), 3600.0: _("hour")}
    unit.setdefault(terms.unit_s, units.duration(terms.unit_s))
    widget = prices.widget("unit_s", place)
    st.selectbox(
        _("Billed by the started"),
        list(unit),
        index=list(unit).index(terms.unit_s),
        format_func=unit.__getitem__,
        key=widget,
        on_change=prices.change,
        args=(widget, "unit_s", place),
    )
    _number(
        _("Minutes until it has started"),
        "boot_s",
        place,
        terms.boot_s,
        1.0,
        scale=60.0,
        help_text=_("Paid and waited for in each run, before anything computes."),
    )
    _number(
        _("Per cent of the paid time in use"),
        "used_pct",
        place,
        terms.used_pct,
        5.0,
        help_text=_("What is paid while it waits for you makes each run dearer."),
    )
    _number(
        _("{currency} a month in any case").format(currency=currency),
        "monthly_fee",
        place,
        terms.monthly_fee,
        1.0,
    )


def _machine(terms: Terms, place: Offer, currency: str, translate: Translate) -> None:
    _ = translate
    if terms.way == "buy":
        _number(
            _("Purchase price, {currency}").format(currency=currency), "purchase", place, terms.purchase, 100.0
        )
        _number(_("Months of use"), "months", place, terms.months, 6.0)
        _number(
            _("Per cent that this work bears"),
            "share_pct",
            place,
            terms.share_pct,
            5.0,
            help_text=_("100, unless other work uses the machine, too."),
        )
    _number(
        _("Watts of the rest of the machine"),
        "rest_w",
        place,
        terms.rest_w,
        10.0,
        help_text=_("Beside the measured device: 0 counts only what was measured."),
    )
    _number(
        _("Watts assumed for the device"),
        "assumed_w",
        place,
        terms.assumed_w,
        10.0,
        help_text=_("Used where its energy wasn't measured. Empty: then it stays unknown."),
    )


def _dated(place: prices.Place, when: str, source: str, translate: Translate) -> None:
    _ = translate
    # no st.date_input: its parts are too small to be hit on a phone
    _text(_("Date of the price"), "date", place, when, most=20, hint="2026-11-29")
    example = source == EXAMPLE_SOURCE
    _text(_("Source"), "source", place, "" if example else source, hint=_("example value") if example else "")


def _number(
    label: str,
    name: str,
    place: prices.Place,
    value: float | None,
    step: float,
    *,
    scale: float = 1.0,
    help_text: str | None = None,
) -> None:
    """`scale`: units of the record in one of the widget's. No bounds here: core refuses, with a sentence."""
    key = prices.widget(name, place)
    st.number_input(
        label,
        value=None if value is None else float(value / scale),
        step=step,
        format="%g",
        key=key,
        on_change=prices.change,
        args=(key, name, place, scale),
        help=help_text,
    )


def _text(
    label: str, name: str, place: prices.Place, value: str, most: int = TEXTS["source"], hint: str = ""
) -> None:
    key = prices.widget(name, place)
    st.text_input(
        label,
        value=value,
        max_chars=most,
        placeholder=hint,
        key=key,
        on_change=prices.change,
        args=(key, name, place),
    )


def _adding(found: Sequence[Candidate], names: Mapping[str, str], translate: Translate) -> None:
    _ = translate
    left = prices.addable(found)
    if not left:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        device = st.selectbox(
            _("Another price for"), list(left), format_func=dict(names).__getitem__, key=_NEW_DEVICE, width=320
        )
        ways = {way: way_words(way, _) for way in left[device]}
        st.selectbox(_("How it is had"), list(ways), format_func=ways.__getitem__, key=_NEW_WAY, width=160)
        st.button(
            _("Add"),
            icon=":material/add:",
            on_click=prices.add,
            args=(tuple(found), _NEW_DEVICE, _NEW_WAY),
            key="decide_add",
        )


def _files(table: PriceTable, translate: Translate) -> None:
    _ = translate
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            _("Download the prices (JSON)"),
            write_prices(table),
            file_name="crossover-prices.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            _("Back to the examples"),
            icon=":material/restart_alt:",
            on_click=prices.reset,
            key="decide_reset",
            help=_("All prices here, yours too, become example values. Undo brings them back."),
        )
    if st.session_state.pop(_REFUSED, False):
        st.markdown(":orange[:material/warning:] " + _("The prices here stay as they were."))
    number = st.session_state.get(_UPLOADS, 0)
    st.file_uploader(
        _("Use the prices of a file that was downloaded here (JSON)"),
        type="json",
        key=f"decide_upload_{number}",
        max_upload_size=_LARGEST_MB,
        on_change=_load,
        args=(f"decide_upload_{number}",),
    )


def _load(widget: str) -> None:
    """All of a file or nothing of it; then there is room for another one."""
    file = st.session_state[widget]
    if file is None:
        return
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    try:
        prices.load(file.name, file.getvalue())
    except InputError as problem:
        prices.refuse(problem)
        st.session_state[_REFUSED] = True
