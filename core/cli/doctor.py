"""`python -m core doctor`: why the GPU is used here, or why not, and what mends it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from core import units
from core.codec import to_plain
from core.hardware.doctor.diagnose import healthy
from core.hardware.doctor.facts import DeviceCheck, Finding
from core.i18n import Translate
from core.messages import sentence
from core.messages.doctor import means, mend
from core.records import Note
from core.runs.checkup import Examination, examine
from core.sharing.doctor_names import nameless_facts, nameless_json
from core.sharing.doctor_words import agreement, severity_word, verdict


def add_to(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="say why the GPU is used here, or why not, and what mends it")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print as JSON")
    form.add_argument(
        "--report", action="store_true", help="print for a forum or an issue, without names and paths"
    )
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    found = _examined(translate)
    if arguments.json:
        print(json.dumps(_plain(found, translate), indent=2, ensure_ascii=False))
    elif arguments.report:
        from core.sharing.doctor_report import report

        print(report(found, translate), end="")
    else:
        print("\n".join(_text(found, translate)))
    return 0 if healthy(found.findings) else 1


def _examined(translate: Translate) -> Examination:
    """With a line on a terminal that says what is being done."""
    terminal = sys.stderr.isatty()

    def tell(stage: Note) -> None:
        if terminal:
            words = sentence(stage.code, stage.facts, translate)
            print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)

    try:
        return examine(tell)
    finally:
        if terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _text(found: Examination, translate: Translate) -> Iterator[str]:
    _ = translate
    yield verdict(found, _)
    for finding in found.findings:
        yield ""
        yield from _finding(finding, _)
    if found.facts.checks:
        yield "\n" + _("A matrix product on each device:")
    for check in found.facts.checks:
        yield "  " + _check(check, _)


def _finding(finding: Finding, translate: Translate) -> Iterator[str]:
    _ = translate
    found = sentence(finding.code, finding.facts, _)
    yield _("{name}: {reason}").format(name=severity_word(finding.severity, _), reason=found)
    yield f"  {means(finding.code, finding.facts, _)}"
    if todo := mend(finding.code, finding.facts, _):
        yield f"  {todo}"
    if finding.remedy is None:
        return
    for command in finding.remedy.commands:
        yield f"    {command}"
    if finding.remedy.check is not None:
        yield "  " + _("To see that it worked:")
        yield f"    {finding.remedy.check}"


def _check(check: DeviceCheck, translate: Translate) -> str:
    head = f"{check.device.id:8} {check.device.name}  {units.duration(check.seconds)}"
    return f"{head}  {agreement(check, translate)}"


def _plain(found: Examination, translate: Translate) -> dict[str, object]:
    """As much of it as strangers may read: it is pasted into issues as the report is."""
    findings = [replace(finding, facts=nameless_facts(finding.facts)) for finding in found.findings]
    return {
        "created_at": found.created_at,
        "healthy": healthy(found.findings),
        "findings": [_plain_finding(finding, translate) for finding in findings],
        "devices": nameless_json([to_plain(check.device) | _product(check) for check in found.facts.checks]),
        "machine": nameless_json(to_plain(replace(found.facts, checks=()))),
    }


def _plain_finding(finding: Finding, translate: Translate) -> dict[str, object]:
    told: dict[str, object] = to_plain(finding)
    words = {
        "found": sentence(finding.code, finding.facts, translate),
        "means": means(finding.code, finding.facts, translate),
        "mend": mend(finding.code, finding.facts, translate),
    }
    return told | words


def _product(check: DeviceCheck) -> dict[str, object]:
    return {
        "seconds": check.seconds,
        "largest_difference": check.largest_difference,
        "failure": to_plain(check.failure),
    }
