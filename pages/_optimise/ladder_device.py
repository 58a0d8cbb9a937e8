"""One device's ladder on the page: the rungs, what held them up, what couldn't be measured, and the doubts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core import units
from core.analysis import ladder as ladders
from core.analysis.bottleneck import bottleneck, helped, notes
from core.analysis.ladder import Ladder, Rung
from core.analysis.parity import TOLERANCE
from core.analysis.quality import quality
from core.analysis.summary import summarise
from core.explaining import rung_helps
from core.figures import ladder as bars
from core.figures import roofline as roofs
from core.figures.charts import Chart
from core.i18n import N_, Translate
from core.messages import sentence
from core.records import Comparison, Note, Parity, RunResult
from core.wording import labels_of, rung_words
from pages._shared import doubts, language
from pages._shared.markdown import plain


def _run(result: RunResult | None) -> object:
    return (result.id, result.origin, result.status, len(result.blocks)) if result else None


# what tells a rung from the same one that has been measured further or anew
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    Rung: lambda rung: (rung.name, rung.setup, rung.reason, _run(rung.result), _run(rung.baseline))
}


@dataclass(frozen=True)
class Climbed:
    """A ladder with what is asked of it in several places."""

    ladder: Ladder
    name: str  # "CPU", "GPU H200 · recorded"
    best: Rung | None
    told: tuple[Rung, ...]  # what is spoken of by itself: the article's loop, and the best if that is another
    measured: tuple[tuple[Rung, RunResult, Comparison | None], ...]  # with the comparison to the loader
    charts: tuple[Chart, ...]

    @property
    def runs(self) -> tuple[RunResult, ...]:
        """Of `told`."""
        return tuple(rung.result for rung in self.told if rung.result is not None)

    @property
    def loader(self) -> RunResult:
        return self.runs[0]

    def told_as(self, translate: Translate) -> list[str]:
        """What those runs are called."""
        names = [translate("{device}, the article's loop"), translate("{device} at its best")]
        return [name.format(device=self.name) for name in names][: len(self.told)]


def climbed(ladder: Ladder) -> Climbed:
    """Raises InputError for samples that can't have been measured."""
    return _climbed(ladder.device, ladder.rungs, language.name())


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_IDENTITY)
def _climbed(device: str, rungs: tuple[Rung, ...], language_name: str) -> Climbed:
    _, ladder = language.current(), Ladder(device, rungs)
    measured = [(rung, rung.result, rung.against_loader) for rung in rungs if rung.result is not None]
    best = ladders.best(ladder)
    known, figure = bars.ladder_data(ladder), bars.ladder_figure(ladder, _)
    charts = [Chart("ladder", bars.ladder_title(known, _), bars.ladder_alt(known, _), figure)]
    told = _told(ladder, best)
    under, figure = roofs.roofline_data(told), roofs.roofline_figure(told, _)
    if under.points:
        charts.append(Chart("roofline", roofs.roofline_title(under, _), roofs.roofline_alt(under, _), figure))
    name = labels_of([result for _rung, result, _against in measured[:1]], _)[0]
    return Climbed(ladder, name, best, tuple(told), tuple(measured), tuple(charts))


def _told(ladder: Ladder, best: Rung | None) -> list[Rung]:
    """The article's loop as it was measured beside the best, in the same job; both with the device's limits."""
    told = [next(rung for rung in ladder.rungs if rung.name == "loader" and rung.result is not None)]
    if best is not None and best.name != "loader":
        told = [replace(told[0], result=best.baseline, baseline=best.baseline), best]
    return [replace(rung, result=bars.with_limits(rung, ladder.rungs)) for rung in told]


def show(device: Climbed, translate: Translate) -> None:
    """The section of one device."""
    st.subheader(plain(device.name), anchor=False)
    st.caption(plain(_where(device, translate)))
    climb, *others = device.charts
    _chart(climb, device)
    _far_limits(device, translate)
    left, right = st.columns(2) if others else (st.container(), None)
    with left:
        _held_up(device, translate)
        _not_measured(device, translate)
    for chart in others:
        assert right is not None
        with right:
            _chart(chart, device)
    st.markdown(_table(device, translate))
    st.caption(plain(_legend(translate)))
    comparisons = [against for _rung, _result, against in device.measured if against is not None]
    runs = {result.id: (result, bars.rung_label(rung, translate)) for rung, result, _against in device.measured}
    for against in comparisons:  # each round has measured the article's loop anew
        runs.setdefault(against.baseline.id, (against.baseline, rung_words("loader", translate)))
    results, names = (
        [result for result, _name in runs.values()],
        [plain(name) for _result, name in runs.values()],
    )
    doubts.show(results, names, comparisons, translate)


def _where(device: Climbed, translate: Translate) -> str:
    around, date = device.loader.environment, device.loader.created_at[:10]
    if around is None:
        return date
    hardware = around.machine.cpu.model if device.ladder.device == "cpu" else around.device.name
    return translate("{hardware}, {date}, torch {version}").format(
        hardware=hardware, date=date, version=around.software.torch
    )


def _chart(chart: Chart, device: Climbed) -> None:
    st.markdown(f"**{plain(chart.title)}**")
    key = f"{chart.key}-{device.ladder.device}-{device.loader.id}"
    st.plotly_chart(chart.figure, key=key, alt=chart.alt, config={"displayModeBar": False})


def _far_limits(device: Climbed, translate: Translate) -> None:
    """The limits that are so far off that they aren't in the picture."""
    known = bars.ladder_data(device.ladder)
    far = [limit for limit in known.limits if not known.drawn(limit)]
    if far:
        said = (
            translate("{limit}: {rate}").format(
                limit=bars.limit_words(limit, translate), rate=units.rate(limit.samples_per_s, translate)
            )
            for limit in far
        )
        text = translate("Limits too far off to be drawn: {limits}.")
        st.caption(plain(text.format(limits=translate("; ").join(said))))


def _held_up(device: Climbed, translate: Translate) -> None:
    """What a step mostly waits for, in the article's loop and at best."""
    for result, name in zip(device.runs, device.told_as(translate), strict=True):
        found = bottleneck(result)
        if found is None:
            continue
        lines = [
            sentence(note.code, note.facts, translate)
            for note in notes(found)
            if note.code != "rung_would_help"
        ]
        if found.rung is not None:
            lines.append(rung_helps(found.rung, helped(device.ladder, found), translate))
        st.markdown(doubts.named(plain(name), plain(" ".join(lines)), translate))


def _not_measured(device: Climbed, translate: Translate) -> None:
    """Each reason once, with the rungs that it holds for: none is left out in silence."""
    measured = {rung.name for rung, _result, _against in device.measured}
    reasons: dict[str, dict[str, None]] = {}
    for rung in device.ladder.rungs:
        if rung.result is None and rung.reason is not None:
            words = bars.rung_label if rung.name in measured else _name_alone
            reasons.setdefault(_reason(rung.reason, translate), {})[words(rung, translate)] = None
    if reasons:
        st.markdown(translate("Not measured:"))
        lines = (
            doubts.named(plain(translate(", ").join(labels)), plain(said), translate)
            for said, labels in reasons.items()
        )
        st.markdown("\n".join(f"- {line}" for line in lines))


def _name_alone(rung: Rung, translate: Translate) -> str:
    return rung_words(rung.name, translate)


def _reason(reason: Note, translate: Translate) -> str:
    """Shorter than what is said to someone who asked for it on the command line."""
    if reason.code in _NOT_HERE:
        return translate(_NOT_HERE[reason.code])
    return sentence(reason.code, reason.facts, translate)


_NOT_HERE = {"only_on_cpu": N_("For the CPU only."), "only_on_cuda": N_("Needs an NVIDIA GPU.")}


def _table(device: Climbed, translate: Translate) -> str:
    _ = translate
    head = [
        _("Rung"),
        _("Images/s"),
        _("Gain"),
        _("Losses"),
        _("Start-up"),
    ]
    lines = [_line(head), "|---|--:|--:|--:|--:|"]
    for rung, result, against in device.measured:
        rate, cold = summarise(result).samples_per_s, result.cold_start
        cells = [
            plain(bars.rung_label(rung, _)),
            units.number(rate.value if rate else None),
            _gain(rung, against, _),
            _agreement(against.parity) if against else units.ABSENT,
            units.duration(cold.build_s + cold.first_step_s if cold else None),
        ]
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    """Small, so that five columns fit on a phone: a table can't be scrolled sideways."""
    return "| " + " | ".join(f":small[{cell}]" for cell in cells) + " |"


def _legend(translate: Translate) -> str:
    """What the columns mean."""
    text = translate(
        "Gain: over the article's loop in the same job, with its 95 % interval. Losses: the largest relative "
        "difference from that loop's in the first steps, as a share of what the precision explains "
        "({allowed}). Start-up: building the model and the first step, compilation included."
    )
    allowed = (f"{precision} {units.percent(100 * most)}" for precision, most in TOLERANCE.items())
    return text.format(allowed=translate(", ").join(allowed))


def _gain(rung: Rung, against: Comparison | None, translate: Translate) -> str:
    if rung.name == "loader":
        return "1×"
    if against is None or against.speedup is None:
        withheld = translate("withheld")
        return f"{_MARKS['doubtful']} {withheld}"
    mark = _MARKS[quality(against).badge]
    return f"{mark} {units.ratio(against.speedup)} ({units.interval(against.speedup)})".strip()


_MARKS = {"good": "", "usable": ":orange[:material/warning:]", "doubtful": ":red[:material/report:]"}


def _agreement(parity: Parity) -> str:
    """The largest relative difference of a loss, as a share of what the precision explains."""
    share = 100 * parity.worst / parity.tolerance if parity.worst is not None and parity.tolerance else None
    return f"{_SAME[parity.code]} {units.percent(None if share is None else float(f'{share:.2g}'))}".strip()


_SAME = {"same": ":green[:material/check:]", "parted": ":red[:material/block:]", "not_checked": ""}
