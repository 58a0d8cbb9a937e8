"""The command line: arguments in, exit code out. The composition root for everything but the pages.

Exit codes: 0 done; 1 a run failed; 2 bad input, told in one line; 130 cancelled.
"""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from core import i18n, messages
from core.cli import compare, devices, export, import_, optimise, record, run, self_check, sweep
from core.errors import CrossoverError, InputError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as every other message about bad input."""
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    parser = _Parser(prog="python -m core", description="Train and time the same model on CPU and GPU.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (devices, run, compare, optimise, sweep, export, import_, record, self_check):
        command.add_to(commands)
    chosen = parser.parse_args(arguments)
    translate = i18n.translator(i18n.from_environment())
    try:
        code: int = chosen.command(chosen, translate)
    except CrossoverError as problem:
        print(f"error: {messages.sentence(problem.code, problem.facts, translate)}", file=sys.stderr)
        return 2 if isinstance(problem, InputError) else 1
    except KeyboardInterrupt:  # before there was a job to cancel
        return 130
    return code
