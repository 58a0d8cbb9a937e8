"""An examination for a forum or an issue: Markdown that names no person, no host and no folder."""

from __future__ import annotations

from collections.abc import Iterator

from core import units
from core.hardware.doctor.facts import Facts
from core.i18n import Translate
from core.messages import sentence
from core.runs.checkup import Examination
from core.sharing.doctor_names import nameless, nameless_facts
from core.sharing.doctor_words import agreement, examined_at, fact_lines, severity_word, verdict
from core.sharing.markdown import fenced, inert


def report(examination: Examination, translate: Translate) -> str:
    """Verdict, findings, what each device computed, and the facts behind them."""
    return "\n".join(_lines(examination, translate)) + "\n"


def _lines(examination: Examination, translate: Translate) -> Iterator[str]:
    _ = translate
    yield f"**{_inert(verdict(examination, _))}**\n"
    for finding in examination.findings:
        text = inert(sentence(finding.code, nameless_facts(finding.facts), _))
        name = f"{severity_word(finding.severity, _)} (`{finding.code}`)"
        yield "- " + _("{name}: {reason}").format(name=name, reason=text)
    yield from _products(examination.facts, _)
    lines = fact_lines(examination.facts, _)
    facts = (_("{name}: {reason}").format(name=name, reason=nameless(value)) for name, value in lines)
    yield "\n" + fenced("\n".join(facts))
    yield "\n" + _("Examined {time} (UTC) by Crossover.").format(time=examined_at(examination))


def _products(facts: Facts, translate: Translate) -> Iterator[str]:
    _ = translate
    if not facts.checks:
        return
    head = [_("Device"), _("Matrix product"), _("Result")]
    yield f"\n| {' | '.join(head)} |\n|---|---|---|"
    for check in facts.checks:
        name = _inert(f"{check.device.id}: {check.device.name}")
        yield f"| {name} | {units.duration(check.seconds)} | {_inert(agreement(check, _))} |"


def _inert(text: str) -> str:
    return inert(nameless(text))
