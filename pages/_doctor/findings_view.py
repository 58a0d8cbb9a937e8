"""An examination on the page: the verdict, what was found, the checklist, and what it all rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core import units
from core.hardware.doctor.checklist import State, checklist
from core.hardware.doctor.facts import Facts, Finding, Severity
from core.i18n import Translate
from core.messages import sentence
from core.messages.doctor import STEPS, means, mend
from core.runs.checkup import Examination
from core.sharing.doctor_names import nameless, nameless_facts
from core.sharing.doctor_report import report
from core.sharing.doctor_words import agreement, fact_lines, severity_word, verdict
from pages._shared import doubts, resources
from pages._shared.markdown import plain

_ICONS: dict[Severity, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":blue[:material/info:]",
}
_TICKS: dict[State, str] = {
    "done": ":green[:material/check_circle:]",
    "open": ":orange[:material/radio_button_unchecked:]",
    "not_needed": ":gray[:material/do_not_disturb_on:]",
    "unknown": ":gray[:material/help:]",
}


def show(examination: Examination, translate: Translate) -> None:
    """From what counts most to what it rests on."""
    _ = translate
    told = _told()
    st.header(told(verdict(examination, _)), anchor=False)
    for finding in examination.findings:
        _card(finding, _)
    st.subheader(_("Step by step to training on a GPU"), anchor=False)
    _steps(examination.facts, told, _)
    if examination.facts.checks:
        st.subheader(_("A product on each device"), anchor=False)
        _products(examination.facts, told, _)
    with st.expander(_("What this rests on"), icon=":material/fact_check:"):
        lines = fact_lines(examination.facts, _)
        st.markdown("\n".join(f"- {doubts.named(plain(name), told(value), _)}" for name, value in lines))
    with st.expander(_("Report for a forum or an issue"), icon=":material/content_copy:"):
        _report(examination, _)


def _told() -> Callable[[str], str]:
    """How what was read comes to the page: as text; on a public server without what names its owner."""
    if resources.hosting().public:
        return lambda text: plain(nameless(text))
    return _line


def _line(text: str) -> str:
    return plain(" ".join(text.split()))


def _card(finding: Finding, translate: Translate) -> None:
    """Of its words only those that were read may name the owner; ours name files that everybody has."""
    _ = translate
    if resources.hosting().public:
        finding = replace(finding, facts=nameless_facts(finding.facts))
    with st.container(border=True):
        head = _line(sentence(finding.code, finding.facts, _))
        st.markdown(f"{_ICONS[finding.severity]} **{severity_word(finding.severity, _)}** · **{head}**")
        st.markdown(_line(means(finding.code, finding.facts, _)))
        if todo := mend(finding.code, finding.facts, _):
            st.markdown(_line(todo))
        if finding.remedy is None:
            return
        if finding.remedy.commands:
            st.code("\n".join(finding.remedy.commands), language=None, wrap_lines=True)
        if finding.remedy.check is not None:
            st.markdown(_("To see that it worked:"))
            st.code(finding.remedy.check, language=None, wrap_lines=True)


def _steps(facts: Facts, told: Callable[[str], str], translate: Translate) -> None:
    _ = translate
    words: dict[State, str] = {
        "done": _("done"),
        "open": _("to do"),
        "not_needed": _("not needed here"),
        "unknown": _("can't be told yet"),
    }
    lines = []
    for number, step in enumerate(checklist(facts), 1):
        why = told(sentence(step.why.code, step.why.facts, _))
        head = f"{number}. {_TICKS[step.state]} **{_(STEPS[step.code])}**"
        lines.append(f"{head} — {words[step.state]}  \n{why}")
    st.markdown("\n".join(line.replace("\n", "\n   ") for line in lines))


def _products(facts: Facts, told: Callable[[str], str], translate: Translate) -> None:
    _ = translate
    head = [_("Device"), _("Time"), _("Result")]
    rows = [
        f"| {told(f'{check.device.id}: {check.device.name}')} | {_unbroken(check.seconds)} "
        f"| {told(agreement(check, _))} |"
        for check in facts.checks
    ]
    st.markdown("\n".join([f"| {' | '.join(head)} |", "|---|---|---|", *rows]))
    st.caption(
        _(
            "Two matrices are multiplied on each device in a process of its own, and the result is compared "
            "with the CPU's. The time shows that it works; it is no measurement of speed."
        )
    )


def _unbroken(seconds: float | None) -> str:
    """A number and its unit stay in one line, however narrow the column."""
    return units.duration(seconds).replace(" ", "\u00a0")


def _report(examination: Examination, translate: Translate) -> None:
    _ = translate
    text = report(examination, _)
    st.markdown(
        _("User, host and folder names are left out. Copy it with the button at its top right, or save it.")
    )
    st.code(text, language=None, wrap_lines=True)
    st.download_button(
        _("Download the report (Markdown)"),
        text,
        file_name="crossover-doctor.md",
        mime="text/markdown",
        icon=":material/download:",
        on_click="ignore",
    )
