"""The article as a reader sees it here: in each chapter its claim, code that runs, numbers, what it lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from core import units
from core.analysis.soundness import refuse_unsound
from core.article import LACKS, LINES, SAYS, TITLES, ChapterName, Snippet
from core.errors import InputError
from core.i18n import N_, Translate
from core.layers import SNIPPETS, WHAT
from core.messages import sentence
from core.records import LessonName, RunResult
from core.runs.files import exchange
from core.wording import labels_of, verdict_between
from pages._learn import learn_measured
from pages._shared import doubts
from pages._shared.markdown import plain

_SEQUENCE = "pages/sequence.py"
_LESSONS: dict[LessonName, str] = {
    "rebuild": N_("Tensor made anew"),
    "to_device": N_("Images to the device"),
    "model_to_device": N_("Model to the device"),
    "zero_grad": N_("Gradients set to zero"),
    "synchronise": N_("Clock and device"),
}


def sound(runs: Sequence[RunResult], translate: Translate) -> tuple[RunResult, ...]:
    """Those that can have been measured; an imported or recorded one that can't is told, and left out."""
    kept = []
    for run in runs:
        try:
            refuse_unsound(run, f"RunResult {run.id}")
        except InputError as problem:
            st.error(plain(sentence(problem.code, problem.facts, translate)), icon=":material/error:")
        else:
            kept.append(run)
    return tuple(kept)


def answer(runs: Sequence[RunResult], translate: Translate) -> None:
    """What the article's way to fetch its images costs, on the accelerator if there is one; and every doubt."""
    if not runs:
        return
    compared = learn_measured.comparisons(learn_measured.of(runs, translate))
    if compared:
        device, comparison = list(compared.items())[-1]
        names = learn_measured.loops_of(device, translate)
        st.header(verdict_between(comparison, *names, translate), anchor=False)
    doubts.show(runs, [plain(name) for name in labels_of(runs, translate)], tuple(compared.values()), translate)


def chapters(runs: Sequence[RunResult], busy: bool, translate: Translate) -> None:
    """All of them, in the article's order; `busy`: they are being measured."""
    _ = translate
    measured = learn_measured.of(runs, translate)
    titles = {name: f"{number} · {_(TITLES[name])}" for number, name in enumerate(TITLES, 1)}
    unbroken = {name: title.replace(" ", "\u00a0") for name, title in titles.items()}
    st.markdown("\u2003 ".join(f"[{title}](#{name})" for name, title in unbroken.items()))
    for name, title in titles.items():
        st.subheader(title, anchor=name, divider="gray")
        st.markdown(_("**The article:** {text}").format(text=_(SAYS[name])))
        _chapter(name, translate)
        learn_measured.show(name, measured, busy, translate)
    if runs:
        _samples(measured.quoted, translate)
        _take_away(runs, translate)


def _chapter(name: ChapterName, translate: Translate) -> None:
    _ = translate
    lines, texts = LINES[name], LACKS[name]
    lacks = [_(texts[index]) for index in range(len(texts))]
    listed = "\n".join(f"- {text}" for text in lacks) if len(lacks) > 1 else lacks[0]
    if not lines.here:
        st.markdown(listed)
        if name == "sequence":
            st.page_link(_SEQUENCE, label=_("See one step as it was measured"), icon=":material/timeline:")
        if name == "layers":
            _layers(translate)
        return
    code, text = st.columns([3, 2], gap="medium")
    with code:
        if lines.article is not None:
            st.caption(_("As the article writes it"))
            _code(lines.article)
        st.caption(_("As it runs here"))
        for snippet in lines.here:
            _code(snippet)
    with text:
        st.caption(_("What it gets wrong or leaves out"))
        st.markdown(listed)


def _layers(translate: Translate) -> None:
    _ = translate
    st.markdown(_("The same step in each, a matrix product and what is below 0 set to 0:"))
    for layer, snippet in SNIPPETS.items():
        words, code = st.columns([2, 3], gap="medium")
        words.markdown(f"**{layer}**\n\n{_(WHAT[layer])}")
        with code:
            _code(snippet)
    st.caption(_("Of these, only PyTorch's lines are run and tested here."))


def _code(snippet: Snippet) -> None:
    # no language: the colours of Streamlit's highlighter are too faint for some eyes
    st.code(snippet.code, language=None, wrap_lines=True)


# --- what the numbers rest on ----------------------------------------------------------------------


def _samples(quoted: Mapping[str, RunResult], translate: Translate) -> None:
    """Every repeat that a number above rests on."""
    _ = translate
    with st.expander(_("The samples behind these numbers")):
        for name, run in quoted.items():
            measured_at = run.created_at[:16].replace("T", " ")
            st.markdown(_("**{name}**, measured on {time} UTC").format(name=name, time=measured_at))
            heads = (_("Line"), _("Tried as"), _("Samples"))
            lines = [f"| {' | '.join(heads)} |", "|---|---|---|"]
            for tried in run.lessons:
                samples = [units.duration(value) for value in tried.seconds]
                samples += [units.number(value, 4) for value in tried.losses]
                title = _(_LESSONS[tried.lesson])
                lines.append(f"| {title} | `{tried.variant}` | {plain(', '.join(samples))} |")
            st.markdown("\n".join(lines))


def _take_away(runs: Sequence[RunResult], translate: Translate) -> None:
    _ = translate

    def content() -> str:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return json.dumps(exchange.document(runs, created_at=now), indent=1)

    st.download_button(
        _("Download the records (JSON)"),
        content,
        file_name=f"crossover-article-{runs[0].job_id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )
