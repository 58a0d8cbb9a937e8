"""`python -m core export`: stored or exported runs as a file of another kind."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import i18n
from core.cli.files import refuse_unwritable
from core.cli.sources import HELP, METAVAR, runs_of
from core.hardware import environment
from core.i18n import Translate
from core.runs.files.exchange import write_text
from core.sharing import formats


def add_to(commands: Any) -> None:
    parser = commands.add_parser("export", help="write runs as JSON, CSV, an HTML report, Markdown and more")
    parser.add_argument("sources", nargs="+", metavar=METAVAR, help=HELP)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"its ending says what it is: {', '.join(formats.ENDINGS.values())}",
    )
    parser.add_argument("--format", choices=formats.FORMATS, help="whatever the ending")
    parser.add_argument("--link", metavar="URL", help="where the result is shown, for Markdown and HTML")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    refuse_unwritable(arguments.out)
    kind = arguments.format or formats.format_of(arguments.out)
    runs = {run.id: run for source in arguments.sources for run in runs_of(source)}
    text = formats.render(
        kind,
        tuple(runs.values()),
        translate,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        language=i18n.from_environment(),
        link=arguments.link,
        revision=environment.machine().git_revision,
    )
    write_text(arguments.out, text)
    return 0
