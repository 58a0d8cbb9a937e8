"""`python -m core devices`: what torch can compute on here, or what the machines of a cluster offer."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core import units
from core.cli import elsewhere
from core.cli.engine import engine, known_devices
from core.cli.table import print_rows
from core.codec import to_plain
from core.hardware import environment
from core.i18n import N_, Translate
from core.messages import sentence
from core.records import Machine, TargetState
from core.runs.elsewhere.kinds import Kind, kinds
from core.wording import processor_words

_STATES: dict[TargetState, str] = {"free": N_("free"), "busy": N_("in use"), "unfit": N_("can't measure")}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("devices", help="list what torch can compute on here, or on a cluster")
    parser.add_argument("--cluster", metavar="ADDRESS", help="the kinds of device of this Ray cluster")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    return _here(arguments, translate) if arguments.cluster is None else _there(arguments, translate)


def _here(arguments: argparse.Namespace, translate: Translate) -> int:
    with engine(translate, store=False) as runner:
        devices = known_devices(runner)
    machine = environment.machine()
    if arguments.json:
        print(json.dumps({"devices": to_plain(devices), "machine": to_plain(machine)}, indent=2))
        return 0
    for device in devices:
        size = units.size(device.memory_bytes) if device.memory_bytes else ""
        print(f"{device.id:8} {device.name} {size}".rstrip())
    if len(devices) == 1:
        reason = sentence(machine.gpus_absent, {}, translate) if machine.gpus_absent else ""
        print(translate("torch sees no GPU here. {reason}").format(reason=reason).rstrip())
        print(translate("`python -m core doctor` says why, and what mends it."))
    return 0


def _there(arguments: argparse.Namespace, translate: Translate) -> int:
    with elsewhere.cluster(arguments.cluster) as cluster:
        found = kinds(cluster.targets())
    if arguments.json:
        print(json.dumps({"kinds": to_plain(found)}, indent=2))
        return 0
    header = [translate("Kind"), translate("Device"), translate("State"), translate("Machine")]
    print_rows([header, *(row for kind in found for row in _rows(kind, translate))])
    for kind in found:
        for note in {str(target.problem): target.problem for target in kind.targets if target.problem}.values():
            print(f"✗ {kind.name}: {sentence(note.code, note.facts, translate)}")
    return 0


def _rows(kind: Kind, translate: Translate) -> list[list[str]]:
    rows = []
    for target in kind.targets:
        device = target.device if target.count == 1 else f"{target.count} × {kind.device}"
        rows.append([kind.name, device, translate(_STATES[target.state]), _machine(target.machine, translate)])
    return rows


def _machine(machine: Machine | None, translate: Translate) -> str:
    if machine is None:
        return units.ABSENT
    parts = processor_words(machine.cpu.model, machine.cpu.usable_cores, translate)
    if machine.memory_bytes is not None:
        parts.append(units.size(machine.memory_bytes))
    return ", ".join(parts)
