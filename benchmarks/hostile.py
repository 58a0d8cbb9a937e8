"""Whether a file from outside crashes the reader or leaves something behind, and how long it is looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from benchmarks.pairing import Row, at_least, at_most
from core.errors import InputError
from core.messages import sentence
from core.runs.files import exchange
from core.runs.files.importing import plan
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.documents import changed_documents, use_everywhere
from tests.hostile import hostile_files

SEED, FILES, EXAMPLES = 6, 500, 10_000
_QUICK = 20


def run(folder: Path, quick: bool) -> Iterator[Row]:
    yield from _files(folder, FILES // _QUICK if quick else FILES)
    yield from _fuzzed(EXAMPLES // 5 // _QUICK if quick else EXAMPLES)


def _files(folder: Path, count: int) -> Iterator[Row]:
    store = Store(f"sqlite:///{(folder / 'hostile.sqlite3').as_posix()}")
    crashed, read, unsaid, seconds = 0, 0, 0, []
    for name, content in hostile_files(SEED, count):
        started = time.perf_counter()
        try:
            Keeper(store).results(plan(name, content, store.run).new)
            read += 1
        except InputError as refused:
            unsaid += not _is_said(refused)
        except Exception:  # noqa: BLE001 whatever it is, it is counted
            crashed += 1
        seconds.append(time.perf_counter() - started)
    stored = store.count()
    store.close()
    yield Row(f"hostile files that crashed the reader, of {count}", (crashed,), at_most(0), "files")
    yield Row(f"hostile files that were read, of {count}", (read,), at_most(0), "files")
    yield Row(f"runs that {count} hostile files left in the store", (stored,), at_most(0), "runs")
    yield Row("refusals that don't name the fault", (unsaid,), at_most(0), "files")
    yield Row("a hostile file is looked at for, at most", (max(seconds),), at_most(5), "s")


def _is_said(refused: InputError) -> bool:
    said = sentence(refused.code, refused.facts)
    return said.isprintable() and 20 < len(said) < 600


def _fuzzed(count: int) -> Iterator[Row]:
    """Documents changed at random: each is refused, or read, written, read again equal and used everywhere."""
    found = {"refused": 0, "used": 0, "crashed": 0}
    checks = list(HealthCheck)

    @seeded(SEED)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=checks
    )
    @given(changed_documents())
    def tried(data: dict[str, Any]) -> None:
        try:
            found[_fate(json.dumps(data).encode())] += 1
        except Exception:  # noqa: BLE001 whatever it is, it is counted
            found["crashed"] += 1

    tried()
    tries = sum(found.values())
    yield Row("documents changed at random, tried", (tries,), at_least(count), "documents")
    yield Row("of them, crashed the reader or what shows runs", (found["crashed"],), at_most(0), "documents")
    yield Row("of them, were read and used everywhere", (found["used"],), unit="documents")


def _fate(content: bytes) -> str:
    try:
        results = exchange.read_document(exchange.parse_json("x.json", content))
    except InputError as refused:
        return "refused" if _is_said(refused) else "crashed"
    again = json.dumps(exchange.document(results, created_at="2026-11-22T18:30:00+00:00")).encode()
    if exchange.read_document(exchange.parse_json("x.json", again)) != results:
        return "crashed"
    use_everywhere(results)
    return "used"
