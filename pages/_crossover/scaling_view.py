"""How a training scales, as a reader sees it: the finding, its charts, what holds it up, its parity."""

from __future__ import annotations

import json
import shlex
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core import units
from core.analysis.crossover.scaling import Scaling, ScalingPoint
from core.analysis.parity import REASONS
from core.figures.charts import Chart
from core.figures.crossover import scaling, scaling_efficiency
from core.i18n import Translate
from core.messages import sentence
from core.records import RunResult
from core.runs.files import exchange
from core.scaling_words import (
    BACKENDS,
    line_words,
    scaling_sentence,
    told,
    workers_words,
)
from pages._crossover import one_or_several_view
from pages._crossover.scaled_runs import Scaled
from pages._crossover.scaling_controls import Choice
from pages._shared import doubts, language, take_away
from pages._shared.markdown import plain

_HASHES: dict[str | type[Any], Callable[[Any], Any]] = {
    Scaling: lambda line: repr(
        [(p.run.id, p.run.origin, p.run.status, len(p.run.blocks), p.speedup) for p in line.points]
    )
}
_WARNING = ":orange[:material/warning:]"
_WORTH_HIDING = 0.05  # of a step; below, waiting is nothing to do much about
_SAME = {"same": ":material/check:", "parted": ":material/close:", "not_checked": ""}


def show(choice: Choice, lines: Sequence[Scaling], known: Scaled, translate: Translate) -> None:
    """Everything there is to say of a strong and a weak line, of one of them at least."""
    _ = translate
    with st.container():
        first, *others = [plain(scaling_sentence(line, _)) for line in lines]
        st.header(first, anchor=False)
        for said in others:
            st.markdown(said)
        _warnings(lines, _)
    _charts(tuple(lines), language.name())
    for line in lines:
        st.markdown(f"**{plain(_capital(line_words(line, _)))}**")
        st.markdown(_table(line, _))
    runs = _doubts(lines, _)
    _why(lines, _)
    _parity(lines, _)
    one_or_several_view.section(choice, known, _)
    _method(_)
    _take_away(choice, lines, runs, _)


def _doubts(lines: Sequence[Scaling], translate: Translate) -> list[RunResult]:
    """What is to be doubted of each run; all of them."""
    points = _points(lines)
    text = translate("{workers} (batch {batch})")
    names = [
        text.format(workers=workers_words(point.workers, translate), batch=_count(point.batch_size))
        for point in points
    ]
    runs = [point.run for point in points]
    doubts.show(runs, [plain(name) for name in names], (), translate, _NOT_OF_STEPS)
    return runs


def _points(lines: Sequence[Scaling]) -> list[ScalingPoint]:
    """Each run once: one worker is on both lines."""
    return list({point.run.id: point for line in lines for point in line.points}.values())


# of an epoch's time, which isn't given here, and of where a measurement ended
_NOT_OF_STEPS = ("projected_epoch", "stopped_by_interval", "stopped_by_time")


def _warnings(lines: Sequence[Scaling], translate: Translate) -> None:
    """What isn't told, and what is to be doubted, each under the workers that it holds for."""
    found: dict[str, list[str]] = {}
    for line in lines:
        for point in line.points:
            notes = list(point.doubts)
            if point.reason is not None and point is not told(line):
                notes.append(point.reason)
            for note in notes:
                said = plain(sentence(note.code, note.facts, translate))
                found.setdefault(said, []).append(workers_words(point.workers, translate))
    if found:
        named = (
            doubts.named(plain(translate(", ").join(dict.fromkeys(whose))), said, translate)
            for said, whose in found.items()
        )
        st.markdown("\n".join(f"- {_WARNING} {line}" for line in named))


# --- charts and numbers ----------------------------------------------------------------------------


def _charts(lines: tuple[Scaling, ...], language_name: str) -> None:
    charts = [chart for chart in _drawn(lines, language_name) if chart.figure.data]
    if not charts:
        return
    for column, chart in zip(st.columns(2), charts, strict=False):
        with column:
            st.subheader(plain(chart.title), anchor=False)
            config = take_away.chart_config(chart.key)
            st.plotly_chart(chart.figure, key=f"crossover-{chart.key}", alt=chart.alt, config=config)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_HASHES)
def _drawn(lines: tuple[Scaling, ...], language_name: str) -> tuple[Chart, ...]:
    _ = language.current()
    rates, parts = scaling.scaling_data(lines), scaling_efficiency.scaling_efficiency_data(lines)
    return (
        Chart(
            "scaling",
            scaling.scaling_title(rates, _),
            scaling.scaling_alt(rates, _),
            scaling.scaling_figure(lines, _),
        ),
        Chart(
            "scaling_efficiency",
            scaling_efficiency.scaling_efficiency_title(parts, _),
            scaling_efficiency.scaling_efficiency_alt(parts, _),
            scaling_efficiency.scaling_efficiency_figure(lines, _),
        ),
    )


def _table(line: Scaling, translate: Translate) -> str:
    _ = translate
    head = [_("Workers"), _("Images/s"), _("Times as fast"), _("Efficiency")]
    rows = [
        [
            str(point.workers),
            units.number(point.samples_per_s.value if point.samples_per_s else None),
            _with_interval(units.ratio(point.speedup), units.interval(point.speedup), point),
            _with_interval(units.share(point.efficiency), units.share_interval(point.efficiency), point),
        ]
        for point in line.points
    ]
    return markdown_table([head, *rows])


def _with_interval(value: str, interval: str, point: ScalingPoint) -> str:
    """One worker is what the others are set against."""
    if point.workers == 1 or point.speedup is None:
        return units.ABSENT
    return f"{value} ({interval})"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Small, so that all columns fit on a phone: a table can't be scrolled sideways."""
    lines = ["| " + " | ".join(f":small[{_unbroken(cell)}]" for cell in cells) + " |" for cells in rows]
    return "\n".join([lines[0], "|" + "--:|" * len(rows[0]), *lines[1:]])


def _unbroken(cell: str) -> str:
    """Not broken within an interval, nor before a unit."""
    return cell.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}").replace(" %", "\N{NO-BREAK SPACE}%")


# --- why not as many times as fast -------------------------------------------------------------------


def _why(lines: Sequence[Scaling], translate: Translate) -> None:
    """What averaging the gradients costs, what else is lost, and what would help."""
    _ = translate
    points = [point for point in _points(lines) if point.run.communication is not None]
    said = [*_of_gradients(points, _), *_beside(lines, _)]
    if not said:
        return
    st.subheader(_("What holds the workers up?"), anchor=False)
    if points:
        head = [_("Workers"), _("Batch"), _("Waits for gradients"), _("Averaging alone")]
        st.markdown(markdown_table([head, *map(_communication, points)]))
    st.markdown("\n".join(f"- {plain(line)}" for line in said))


def _communication(point: ScalingPoint) -> list[str]:
    found, share = point.run.communication, point.waiting_share
    alone = statistics.median(found.alone_s) if found is not None and found.alone_s else None
    waits = f"{units.share(share)} ({units.share_interval(share)})" if share is not None else units.ABSENT
    return [str(point.workers), _count(point.batch_size), waits, units.duration(alone)]


def _of_gradients(points: Sequence[ScalingPoint], translate: Translate) -> Iterator[str]:
    """How much is averaged, and what would make that cost less."""
    found = [point.run.communication for point in points if point.run.communication is not None]
    if not found:
        return
    text = translate(
        "Each step averages {size} of gradients by {backend}; the last column is what that takes with nothing "
        "else to do."
    )
    yield text.format(size=units.size(found[-1].gradient_bytes), backend=BACKENDS[found[-1].backend])
    if any(point.waiting_share and point.waiting_share.value >= _WORTH_HIDING for point in points):
        yield translate(
            "What would help: a larger batch for each worker, as the gradients are as large however many "
            "images a step has; or a model with fewer parameters."
        )


def _beside(lines: Sequence[Scaling], translate: Translate) -> Iterator[str]:
    return (rest for line in lines if (rest := _rest(line, told(line), translate)) is not None)


def _rest(line: Scaling, point: ScalingPoint, translate: Translate) -> str | None:
    """What waiting for gradients doesn't explain."""
    efficiency, waiting = point.efficiency, point.waiting_share
    if efficiency is None or point.workers == 1:
        return None
    if efficiency.low > 1:
        return translate(
            "More than {n} times as fast: each worker's part fits its caches better, or one worker was held up."
        ).format(n=point.workers)
    if waiting is None or 1 - efficiency.high <= waiting.high:
        return None
    text = translate(
        "With a batch each, waiting explains only a part of what is lost. The rest: workers on one machine "
        "share its memory, its power and its clocks."
    )
    if line.kind == "strong":
        text = translate(
            "With one batch shared out, waiting explains only a part of what is lost. The rest: each worker's "
            "share is smaller and fills its device less, and workers on one machine share its memory, its "
            "power and its clocks."
        )
    return text


# --- whether it is the same training -----------------------------------------------------------------


def _parity(lines: Sequence[Scaling], translate: Translate) -> None:
    _ = translate
    points = [point for point in _points(lines) if point.parity is not None and point.workers > 1]
    if not points:
        return
    st.subheader(_("Do several workers train the same as one?"), anchor=False)
    head = [_("Workers"), _("Batch"), _("Losses differ by"), _("Allowed"), _("Same")]
    st.markdown(markdown_table([head, *(_agreement(point, _) for point in points)]))
    reasons = [
        sentence(REASONS[point.parity.cause], {}, _)
        for point in points
        if point.parity is not None and point.parity.cause is not None
    ]
    for said in dict.fromkeys(reasons):
        st.markdown(f"{_WARNING} {plain(said)}")
    st.caption(
        _(
            "The losses of the first steps against one worker's on the same batches: the largest relative "
            "difference, beside what the arithmetic alone explains."
        )
    )


def _agreement(point: ScalingPoint, translate: Translate) -> list[str]:
    found = point.parity
    assert found is not None
    words = {
        "same": translate("yes"),
        "parted": translate("no"),
        "not_checked": translate("not checked"),
    }
    return [
        str(point.workers),
        _count(point.batch_size),
        units.percent(100 * float(f"{found.worst:.2g}") if found.worst is not None else None),
        units.percent(100 * found.tolerance if found.tolerance is not None else None),
        f"{_SAME[found.code]}\N{NO-BREAK SPACE}{words[found.code]}".strip(),
    ]


# --- what goes with it -------------------------------------------------------------------------------


def _method(translate: Translate) -> None:
    _ = translate
    with st.expander(_("How scaling is measured")):
        st.markdown(
            _(
                "Each worker is a process of its own with the same model; after each step all average their "
                "gradients (torch's DistributedDataParallel, NCCL on GPUs, Gloo on CPUs). With one batch "
                "shared out, all numbers of workers take turns in one job, and the speed-up is the ratio of "
                "neighbouring blocks. With a batch each, every number of workers is a job, and the speed-up is "
                "the ratio of images per second. Efficiency is the speed-up over the number of workers. "
                "Waiting is the difference between steps with averaged gradients and steps in which each "
                "worker goes its own way, in turns: what is hidden behind the backward pass doesn't count. "
                "Intervals are 95 %. What several GPUs draw isn't told, as only the first one's sensor is read."
            )
        )


def _take_away(
    choice: Choice, lines: Sequence[Scaling], runs: Sequence[RunResult], translate: Translate
) -> None:
    _ = translate

    def content() -> str:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return json.dumps(exchange.document(runs, created_at=now), indent=1)

    with st.expander(_("Take it away")):
        st.download_button(
            _("Download the records (JSON)"),
            content,
            file_name=f"crossover-scaling-{choice.model.replace('/', '-')}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.markdown(_("The same without a browser:"))
        st.code(_command(choice, lines), language=None, wrap_lines=True)


def _command(choice: Choice, lines: Sequence[Scaling]) -> str:
    counts = sorted({1, *(point.workers for line in lines for point in line.points)})
    setup = lines[0].example.spec.setup
    parts = ["python", "-m", "core", "scale", "--model", choice.model, "--dataset", choice.dataset]
    parts += ["--batch-size", str(choice.batch_size), "--device", setup.device.partition(":")[0]]
    parts += ["--threads", str(setup.threads)] if setup.threads else []
    parts += ["--workers", ",".join(map(str, counts))]
    parts += ["--kind", choice.kinds] if choice.kinds != "both" else []
    parts += ["--max-seconds", str(choice.seconds)] if choice.seconds != Choice().seconds else []
    return shlex.join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _count(number: int) -> str:
    return units.number(number, 7)
