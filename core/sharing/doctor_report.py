"""An examination for a forum or an issue: Markdown that names no person, no host and no folder."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core import units
from core.hardware.doctor.facts import Facts
from core.i18n import Translate
from core.messages import sentence
from core.runs.checkup import Examination
from core.runs.files.masking import HIDDEN, masked_texts
from core.sharing.doctor_words import agreement, examined_at, fact_lines, severity_word, verdict
from core.sharing.markdown import fenced, inert

# Enough of a GPU's identity to tell two of one machine apart
_UUID = re.compile(
    r"\b((?:MIG-)?(?:GPU-|MIG-)[0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


def report(examination: Examination, translate: Translate) -> str:
    """Verdict, findings, what each device computed, and the facts behind them."""
    return "\n".join(_lines(examination, translate)) + "\n"


def nameless(text: str) -> str:
    """A text of an examination in one line, as strangers may read it."""
    return _UUID.sub(rf"\1{HIDDEN}", masked_texts(" ".join(text.split())))


def _lines(examination: Examination, translate: Translate) -> Iterator[str]:
    _ = translate
    yield f"**{_inert(verdict(examination, _))}**\n"
    for finding in examination.findings:
        text = _inert(sentence(finding.code, finding.facts, _))
        yield f"- {severity_word(finding.severity, _)} (`{finding.code}`): {text}"
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
