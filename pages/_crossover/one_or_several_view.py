"""One bigger device or several of these: which two, how fast each is, and the ratio with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from core import offers, units
from core.analysis.crossover.scaling import OneOrSeveral
from core.errors import InputError
from core.figures.crossover import one_or_several as bars
from core.i18n import Translate
from core.messages import sentence
from core.records import JobSpec, Setup
from core.scaling_words import one_or_several_names
from pages._crossover import scaling_runs
from pages._crossover.scaled_runs import Scaled, place_of
from pages._crossover.scaling_controls import Choice, key
from pages._shared import live, notices, resources, take_away, visitor
from pages._shared.markdown import plain

_WHOLE = 7
Names = tuple[str, str]
Found = Mapping[Names, tuple[OneOrSeveral, ...]]


def section(choice: Choice, known: Scaled, translate: Translate) -> None:
    _ = translate
    st.subheader(_("One bigger device, or several of these?"), anchor=False)
    found = known.against()
    if found:
        _compared(choice, found, _)
    else:
        st.markdown(
            _(
                "Nothing else was measured at these batch sizes with the same work. Runs of a bigger device "
                "appear here when they are measured, or imported on the Results page."
            )
        )
    _measure(choice, _)


def _compared(choice: Choice, found: Found, translate: Translate) -> None:
    _ = translate
    several, one = _chosen(choice, found, _)
    pairs = found[(one, several)]
    data = bars.one_or_several_data(pairs)
    st.markdown(f"**{plain(bars.one_or_several_title(data, _))}**")
    if data.pairs:
        st.plotly_chart(
            bars.one_or_several_figure(pairs, _),
            key="crossover-one_or_several",
            alt=bars.one_or_several_alt(data, _),
            config=take_away.chart_config("one_or_several"),
        )
    st.markdown(_table(pairs, _))
    st.caption(_("Above 1, the several are faster; where the interval holds 1, neither surely is."))
    notes = [note for pair in pairs for note in (pair.reason, *pair.doubts) if note is not None]
    for said in dict.fromkeys(sentence(note.code, note.facts, _) for note in notes):
        st.markdown(f":orange[:material/warning:] {plain(said)}")
    if any(run.origin != "measured" for pair in pairs for run in (pair.one, pair.several)):
        st.caption(
            _("Recorded or imported runs are of other machines: more than the devices may differ between them.")
        )


def _chosen(choice: Choice, found: Found, translate: Translate) -> Names:
    """The several and the one, by the controls; what somebody has chosen is kept where it is still there."""
    all_several = list(dict.fromkeys(several for _one, several in found))
    first = _preferred(choice, found)
    left, right = st.columns(2)
    with left:
        several = _select(translate("Several"), "several", all_several, first[1], found, translate)
    ones = [one for one, other in found if other == several]
    default = first[0] if first[0] in ones else ones[0]
    with right:
        one = _select(translate("One"), "one", ones, default, found, translate)
    return several, one


def _select(
    label: str, name: str, options: Sequence[str], default: str, found: Found, translate: Translate
) -> str:
    """The name, in English: the address is the same in all languages, and has what somebody chose only."""
    state, side = st.session_state, 1 if name == "several" else 0
    examples = {names[side]: pairs[0] for names, pairs in found.items()}
    words = {option: one_or_several_names(examples[option], translate)[side] for option in options}
    chosen, widget = state.get(key(name)), key(f"{name}_shown")
    state[widget] = chosen if chosen in words else default
    shown: str = st.selectbox(
        label, options, format_func=words.__getitem__, key=widget, on_change=_take, args=(name, widget, default)
    )
    return shown


def _take(name: str, widget: str, default: str) -> None:
    shown = st.session_state[widget]
    st.session_state[key(name)] = "" if shown == default else shown


def _preferred(choice: Choice, found: Found) -> Names:
    """Of the place and the batch that are shown the most workers, against the one with as many cores or another
    device."""
    place = choice.place(scaling_runs.devices())

    def rank(names: Names) -> tuple[bool, bool, int, int]:
        pair, sizes = found[names][-1], [pair.batch_size for pair in found[names]]
        threads = pair.one.spec.setup.threads or 0
        whole = pair.workers * (pair.several.spec.setup.threads or 0)
        shown = place_of(pair.several) == place
        return shown, choice.batch_size in sizes, pair.workers, -abs(threads - whole)

    return max(found, key=rank)


def _table(pairs: Sequence[OneOrSeveral], translate: Translate) -> str:
    from pages._crossover.scaling_view import markdown_table

    _ = translate
    head = [_("Batch"), _("One, images/s"), _("Several, images/s"), _("Several over one")]
    rows = [
        [
            units.number(pair.batch_size, _WHOLE),
            units.number(pair.one_samples_per_s.value if pair.one_samples_per_s else None),
            units.number(pair.several_samples_per_s.value if pair.several_samples_per_s else None),
            f"{units.ratio(pair.ratio)} ({units.interval(pair.ratio)})" if pair.ratio else units.ABSENT,
        ]
        for pair in pairs
    ]
    return markdown_table([head, *rows])


# --- on the CPU: one process with as many threads ---------------------------------------------------


def _measure(choice: Choice, translate: Translate) -> None:
    """A button, on the CPU: there one bigger device is one process with the threads of all workers."""
    _ = translate
    spec, job_id = _spec(choice), st.session_state.get(scaling_runs.BESIDE)
    job = resources.runner().job(job_id) if job_id else None
    if job is not None and not job.done:
        live.panel(job.id)
        return
    if job is not None and job.failure is not None and job.spec == spec:
        notices.problem(job.failure)
    if spec is not None:
        text = _("Measure one process of {threads} threads against {n} workers, in turns")
        st.button(
            text.format(threads=spec.setups[0].threads, n=spec.setups[-1].workers),
            icon=":material/timer:",
            key="one_or_several",
            on_click=_submit,
            args=(spec,),
        )


def _spec(choice: Choice) -> JobSpec | None:
    counts, setup = choice.counts(scaling_runs.devices()), choice.place(scaling_runs.devices()).setup
    if setup.device != "cpu" or not counts or not resources.runner().limits.free:
        return None
    most, threads = counts[-1], setup.threads or 1
    # one worker too: then these workers' speed-up, of which they are the newest run, is one of turns as well
    setups = (Setup(threads=most * threads), setup, replace(setup, workers=most))
    work = replace(offers.DEFAULT, model=choice.model, dataset=choice.dataset, batch_size=choice.batch_size)
    return JobSpec(replace(work, epochs=1), setups, choice.seconds / len(setups))


def _submit(spec: JobSpec) -> None:
    try:
        st.session_state[scaling_runs.BESIDE] = visitor.submit(spec)
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
