"""`python -m core devices`: what torch can compute on here."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core import units
from core.cli.engine import engine, known_devices
from core.codec import to_plain
from core.hardware import environment
from core.i18n import Translate
from core.messages import sentence


def add_to(commands: Any) -> None:
    parser = commands.add_parser("devices", help="list what torch can compute on here")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
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
