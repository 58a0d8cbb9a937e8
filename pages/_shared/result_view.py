"""A job's results: the verdict first, then the doubts, then the evidence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from core import units
from core.analysis.comparison import compare
from core.analysis.summary import Summary, summarise
from core.errors import InputError
from core.figures import charts
from core.figures.charts import Chart
from core.i18n import Translate
from core.messages import sentence
from core.records import Comparison, Note, RunResult
from core.wording import (
    labels_of,
    start_up_sentence,
    status_word,
    thread_sentences,
    verdict_sentence,
)
from pages._shared import doubts, evidence, language, method, sidebar, take_away
from pages._shared.markdown import plain

_FIRST = ("throughput", "epoch_time", "loss", "accuracy", "anatomy", "memory")
# what tells a result from an earlier part of the same run, as another program's grows while it is looked at
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    RunResult: lambda run: (run.id, run.origin, run.status, len(run.blocks))
}
_SEQUENCE = "pages/sequence.py"
_EVIDENCE = ("block_times", "telemetry")


def show(
    results: tuple[RunResult, ...],
    told: Collection[Note] = (),
    *,
    controls: bool = True,
    link: str | None = None,
) -> None:
    """All that a visitor needs to believe or doubt the answer.

    `told`: failures that were told already; `controls`: whether the Compare page's are beside it;
    `link`: the address of what is shown, if it isn't the job's.
    """
    _ = language.current()
    measured = tuple(result for result in results if result.blocks)
    _failures(results, told, controls, _)
    if not measured:
        return
    names = [plain(name) for name in labels_of(measured, _)]
    comparisons = _comparisons(measured, _)
    _verdict(measured, names, comparisons, _)
    _cards(measured, names, _)
    doubts.show(measured, names, comparisons, _)
    evidence.differences(comparisons, measured, _)
    _charts(_FIRST, measured)
    _one_step(measured, _)
    section = st.expander(
        _("Evidence: every block, every reading, the environment"), on_change="rerun", key="evidence"
    )
    if section.open:
        with section:
            _charts(_EVIDENCE, measured)
            evidence.fact_sheets(measured, names, _)
    method.show(measured[0].spec.workload.task)
    take_away.show(measured, _, link)


def _comparisons(results: Sequence[RunResult], translate: Translate) -> tuple[Comparison, ...]:
    """Of the first with each of the others; samples that contradict each other are told of instead."""
    baseline, *others = results
    comparisons = []
    for other in others:
        try:
            comparisons.append(_compared(baseline, other))
        except InputError as problem:
            st.error(plain(sentence(problem.code, problem.facts, translate)), icon=":material/error:")
    return tuple(comparisons)


@st.cache_resource(show_spinner=False, max_entries=128, hash_funcs=_IDENTITY)
def _compared(baseline: RunResult, candidate: RunResult) -> Comparison:
    return compare(baseline, candidate)


@st.cache_resource(show_spinner=False, max_entries=128, hash_funcs=_IDENTITY)
def _summary(result: RunResult) -> Summary:
    return summarise(result)


@st.cache_resource(show_spinner=False, max_entries=256, hash_funcs=_IDENTITY)
def _chart(key: str, results: tuple[RunResult, ...], language_name: str) -> Chart | None:
    return charts.chart(key, results, language.current())


def _failures(
    results: Sequence[RunResult], told: Collection[Note], controls: bool, translate: Translate
) -> None:
    for result, name in zip(results, labels_of(results, translate), strict=True):
        if result.failure is None:
            continue
        if result.failure not in told:
            text = plain(sentence(result.failure.code, result.failure.facts, translate))
            st.error(doubts.named(plain(name), text, translate), icon=":material/error:")
        fits = result.failure.facts.get("fits")
        if controls and isinstance(fits, int):  # ran out of memory, and this is what does not
            st.button(
                translate("Use a batch of {n}").format(n=fits),
                key=f"fits-{result.id}",
                on_click=sidebar.use_batch_size,
                args=(fits,),
            )


def _verdict(
    results: Sequence[RunResult], names: Sequence[str], comparisons: Sequence[Comparison], translate: Translate
) -> None:
    """The answer: against the first setup, the largest difference first."""
    if not comparisons:
        rate = _summary(results[0]).samples_per_s
        if rate is None:
            text = plain(sentence("too_few_blocks", {}, translate))
        else:
            text = translate("{label} processes {rate}").format(
                label=names[0], rate=units.rate(rate.value, translate)
            )
        st.header(text, anchor=False)
        for said in thread_sentences(results, (), translate):
            st.caption(plain(said))
        return
    ordered = sorted(comparisons, key=lambda item: -(item.speedup.value if item.speedup else 0))
    st.header(plain(verdict_sentence(ordered[0], results, translate)), anchor=False)
    started = start_up_sentence(ordered[0], results, translate)
    if started:
        st.caption(plain(started))
    for comparison in ordered[1:]:
        st.markdown(plain(verdict_sentence(comparison, results, translate)))
    for said in thread_sentences(results, ordered, translate):
        st.caption(plain(said))


def _cards(results: Sequence[RunResult], names: Sequence[str], translate: Translate) -> None:
    _ = translate
    with st.container(horizontal=True):
        for result, name in zip(results, names, strict=True):
            summary = _summary(result)
            rate = summary.samples_per_s
            epoch = _("epoch {time} (projected)") if summary.projected else _("epoch {time}")
            facts = [epoch.format(time=units.duration(summary.epoch_shown_s))]
            if summary.test_accuracy is not None:
                facts.append(_("test accuracy {x}").format(x=units.percent(100 * summary.test_accuracy)))
            if summary.energy is not None:
                per = summary.energy.joules_per_1000_samples
                facts.append(_("{x} for 1,000 images").format(x=units.joules(per)))
            if result.status not in ("finished", "out_of_time"):
                facts.append(status_word(result.status, _))
            with st.container(border=True, width=320):
                st.metric(name, units.rate(rate.value if rate else None, _))
                st.caption(" · ".join(facts))


def _charts(keys: Sequence[str], results: tuple[RunResult, ...]) -> None:
    drawn = [chart for key in keys if (chart := _chart(key, results, language.name())) is not None]
    for start in range(0, len(drawn), 2):
        for column, chart in zip(st.columns(2), drawn[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{plain(chart.title)}**")
                config = take_away.chart_config(chart.key)
                st.plotly_chart(chart.figure, key=chart.key, alt=chart.alt, config=config)


def _one_step(results: Sequence[RunResult], translate: Translate) -> None:
    """The way to the page that draws a single step of this work."""
    work = results[0].spec.workload
    default = type(work)()
    named = ("model", "dataset", "batch_size", "task")
    given = {name: str(getattr(work, name)) for name in named if getattr(work, name) != getattr(default, name)}
    if results[0].spec.setup.data_path == "loader":
        given["images"] = "loader"
    st.page_link(
        _SEQUENCE,
        label=translate("One step of it as a sequence: who waits for whom, and why"),
        icon=":material/swap_horiz:",
        query_params=given,
    )
