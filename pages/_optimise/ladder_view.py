"""Ladders as a reader sees them: what tuning does to the answer first, then each device, then the files."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import streamlit as st

from core import units
from core.analysis.comparison import compare
from core.analysis.ladder import Ladder, Rung, RungName
from core.analysis.limits import mfu
from core.analysis.summary import summarise
from core.errors import InputError
from core.figures import ladder as bars
from core.i18n import Translate
from core.messages import sentence
from core.records import Comparison
from core.runs.files import exchange
from core.wording import verdict_between
from pages._optimise import ladder_device
from pages._optimise.ladder_device import Climbed, climbed
from pages._shared import doubts, method
from pages._shared.markdown import plain


def show(found: Sequence[Ladder], translate: Translate) -> dict[RungName, str]:
    """Everything there is to say of these ladders; what each rung gained, in words."""
    devices = []
    for ladder in found:
        with _told_of_impossible(translate):
            devices.append(climbed(ladder))
    if not devices:
        return {}
    compared = _headline(devices, translate)
    for device in devices:
        ladder_device.show(device, translate)
    method.show(devices[0].loader.spec.workload.task)
    _take_away(devices, compared, translate)
    return _gains(devices)


@contextlib.contextmanager
def _told_of_impossible(translate: Translate) -> Iterator[None]:
    """An imported or recorded run may hold what can't have been measured: said, and the rest goes on."""
    try:
        yield
    except InputError as problem:
        st.error(plain(sentence(problem.code, problem.facts, translate)), icon=":material/error:")


# --- the answer ----------------------------------------------------------------------------------


def _headline(devices: Sequence[Climbed], translate: Translate) -> tuple[Comparison, ...]:
    _ = translate
    first, *others = devices
    compared: list[Comparison] = []
    for other in others:
        with _told_of_impossible(translate):
            compared += _between(first, other, translate)
    if not others:
        compared += _alone(first, translate)
    for column, device in zip(st.columns(len(devices)), devices, strict=True):
        with column, st.container(border=True, height="stretch"):
            _card(device, translate)
    runs = [run for device in devices for run in device.runs]
    names = [plain(name) for device in devices for name in device.told_as(translate)]
    doubts.show(runs, names, compared, translate)
    return tuple(compared)


def _alone(device: Climbed, translate: Translate) -> list[Comparison]:
    """One device: how much its best is worth against the article's loop."""
    against = device.best.against_loader if device.best else None
    if against is None:
        text = translate("On {device} no rung is surely faster than the article's loop.").format(
            device=device.name
        )
        st.header(plain(text), anchor=False)
        return []
    at_best = translate("{device} at its best").format(device=device.name)
    said = verdict_between(against, translate("the article's loop"), at_best, translate)
    st.header(plain(said), anchor=False)
    return [against]


def _between(first: Climbed, other: Climbed, translate: Translate) -> list[Comparison]:
    """Two devices: the answer with each at its best, and what the article's loop alone would have said."""
    _ = translate
    naive = compare(first.loader, other.loader)
    said = verdict_between(naive, first.name, other.name, translate)
    plainly = plain(_("As the article writes it: {verdict}").format(verdict=said))
    if first.best is None or other.best is None or first.best.result is None or other.best.result is None:
        st.header(plainly, anchor=False)
        return [naive]
    best = compare(first.best.result, other.best.result)
    said = verdict_between(best, first.name, other.name, translate)
    st.header(plain(_("Each at its best: {verdict}").format(verdict=said)), anchor=False)
    st.markdown(plainly)
    if naive.speedup and best.speedup and not _overlap(naive, best):
        text = _(
            "The factor is {naive} with the article's loop on both and {best} with each at its best: the first "
            "says as much about the loop as about the devices."
        )
        st.caption(plain(text.format(naive=units.ratio(naive.speedup), best=units.ratio(best.speedup))))
    return [best, naive]


def _overlap(a: Comparison, b: Comparison) -> bool:
    assert a.speedup is not None
    assert b.speedup is not None
    return a.speedup.low <= b.speedup.high and b.speedup.low <= a.speedup.high


def _card(device: Climbed, translate: Translate) -> None:
    _ = translate
    st.markdown(f"**{plain(device.name)}**")
    best = device.best
    with st.container(horizontal=True, gap="medium"):
        rate = summarise(device.loader).samples_per_s
        st.metric(_("As the article writes it"), units.rate(rate.value if rate else None, _), width="content")
        if best is not None and best.result is not None:
            rate, against = summarise(best.result).samples_per_s, best.against_loader
            gain = against.speedup if against else None
            st.metric(
                _("At its best"),
                units.rate(rate.value if rate else None, _),
                delta=f"{units.ratio(gain)} ({units.interval(gain)})" if gain else None,
                delta_color="off",
                delta_arrow="off",
                width="content",
            )
    if best is not None:
        st.caption(plain(" · ".join(_of_best(device, best, translate))))


def _of_best(device: Climbed, best: Rung, translate: Translate) -> Iterator[str]:
    yield translate("Best: {rung}").format(rung=bars.rung_label(best, translate))
    share = mfu(device.runs[-1])
    if share is not None:
        pct = units.percent(100 * share.value)
        yield translate("{pct} of its measured arithmetic peak").format(pct=pct)


def _gains(devices: Sequence[Climbed]) -> dict[RungName, str]:
    """What each rung makes of the article's loop on each device, in its best variant."""
    said: dict[RungName, list[str]] = {}
    for device in devices:
        best: dict[RungName, Comparison] = {}
        for rung, _result, against in device.measured:
            if against is None or against.speedup is None:
                continue
            known = best.get(rung.name)
            if known is None or known.speedup is None or known.speedup.value < against.speedup.value:
                best[rung.name] = against
        for name, against in best.items():
            said.setdefault(name, []).append(
                f"{device.name} {units.ratio(against.speedup)} ({units.interval(against.speedup)})"
            )
    return {name: " · ".join(parts) for name, parts in said.items()}


def _take_away(devices: Sequence[Climbed], compared: Sequence[Comparison], translate: Translate) -> None:
    _ = translate

    def content() -> str:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        runs = {result.id: result for device in devices for _rung, result, _against in device.measured}
        return json.dumps(exchange.document(tuple(runs.values()), compared, created_at=now), indent=1)

    work = devices[0].loader.spec.workload
    with st.expander(_("Take it away")):
        st.download_button(
            _("Download the records (JSON)"),
            content,
            file_name=f"crossover-ladder-{devices[0].loader.job_id}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.markdown(_("The same without a browser:"))
        for device in devices:
            parts = ["python", "-m", "core", "optimise", "--model", work.model, "--dataset", work.dataset]
            parts += ["--batch-size", str(work.batch_size), "--device", device.ladder.device]
            st.code(shlex.join(parts), language=None, wrap_lines=True)
