"""The command line: arguments in, exit code out. The composition root for everything but the pages.

Exit codes: 0 done; 1 a run failed; 2 bad input, told in one line; 130 cancelled.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import NoReturn

from core import i18n, messages
from core.errors import CrossoverError, InputError, MeasurementError

# Where each command is. Only the one that is asked for is loaded: the doctor must start where others can't
_COMMANDS = {
    "doctor": "core.cli.doctor",
    "devices": "core.cli.devices",
    "run": "core.cli.run",
    "compare": "core.cli.compare",
    "optimise": "core.cli.optimise",
    "sweep": "core.cli.sweep",
    "scale": "core.cli.scale",
    "export": "core.cli.export",
    "import": "core.cli.import_",
    "record": "core.cli.record",
    "selfcheck": "core.cli.self_check",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as every other message about bad input."""
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    parser = _Parser(prog="python -m core", description="Train and time the same model on CPU and GPU.")
    translate = i18n.translator(i18n.from_environment())
    try:
        _add_commands(parser, arguments)
        chosen = parser.parse_args(arguments)
        code: int = chosen.command(chosen, translate)
    except CrossoverError as problem:
        print(f"error: {messages.sentence(problem.code, problem.facts, translate)}", file=sys.stderr)
        return 2 if isinstance(problem, InputError) else 1
    except KeyboardInterrupt:  # before there was a job to cancel
        return 130
    return code


def _add_commands(parser: _Parser, arguments: list[str]) -> None:
    """The command that is asked for, or all of them for who asks for help. Raises MeasurementError."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in arguments[:1] if arguments[:1] and arguments[0] in _COMMANDS else _COMMANDS:
        try:
            module = import_module(_COMMANDS[name])
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.startswith("core"):
                raise
            raise MeasurementError("package_missing", name=missing.name) from missing
        module.add_to(commands)
