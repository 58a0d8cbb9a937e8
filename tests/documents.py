"""A true document with invented numbers, how it is changed at random, and all that is done with its runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from core import wording
from core.analysis import caveats, comparability
from core.analysis.bottleneck import bottleneck
from core.analysis.comparison import compare
from core.analysis.flow import flow
from core.analysis.leaderboard import board
from core.analysis.limits import roofline
from core.analysis.quality import quality
from core.analysis.summary import summarise
from core.errors import InputError
from core.explaining import explained
from core.fact_sheet import fact_sheet
from core.figures import charts
from core.i18n import english
from core.messages import sentence
from core.records import Idle, Note, RunResult
from core.runs.files import exchange
from core.runs.files.chrome_trace import chrome_trace
from core.runs.queue.keeping import listed
from tests.builders import (
    make_cpu_samples,
    make_gpu_result,
    make_gpu_samples,
    make_limits,
    make_result,
    make_telemetry,
)
from tests.traces import make_gpu_trace, make_trace

Path = tuple[str | int, ...]

_DERIVED = ("quality", "caveats", "summary")


def true_document() -> dict[str, Any]:
    """Two runs of one job with all that can be measured, as plain values."""
    cpu = make_result(
        telemetry=make_telemetry(interval_s=1.0, cpu=make_cpu_samples(8.0, 62.0, 2.0)),
        trace=make_trace(),
        limits=make_limits(),
        idle=Idle(2.0, 70.0, None, "power"),
        notes=(Note("stopped_by_interval", {"target_pct": 3.0}),),
    )
    gpu = make_gpu_result(
        telemetry=make_telemetry(
            interval_s=1.0, cpu=make_cpu_samples(8.0, 62.0, 2.0), gpu=make_gpu_samples(8.0, 62.0, 1.0)
        ),
        trace=make_gpu_trace(),
        limits=make_limits(gpu=True),
        failure=Note("torch_failed", {"problem": "no such thing"}),
    )
    plain = exchange.document([cpu, gpu], created_at="2026-11-22T18:30:00+00:00")
    return json.loads(json.dumps(plain))  # lists throughout


def raw_places(data: dict[str, Any]) -> list[Path]:
    """Every place in the runs' raw records."""
    found: list[Path] = []

    def walk(value: Any, path: Path) -> None:
        if len(path) > 2:
            found.append(path)
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, item in items:
            if not (len(path) == 2 and key in _DERIVED):
                walk(item, (*path, key))

    for i, run in enumerate(data["runs"]):
        walk(run, ("runs", i))
    return found


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def put(data: Any, path: Path, value: Any) -> None:
    at(data, path[:-1])[path[-1]] = value


# --- changed at random ----------------------------------------------------------------------------

_NAMES = st.sampled_from(
    ("id", "spec", "blocks", "facts", "code", "x", "runs", "trace", "limits", "duration_s")
)
_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from((0, -1, 1, 2**62, 1e-9, 1e50, -1e50, 1e-60, 0.0, -0.0, 5e-324, 1.7e308)),
)
_SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(max_size=20))
ANY_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_NAMES | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_TRUE = json.dumps(true_document())
_PLACES = raw_places(true_document())


@st.composite
def changed_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A true document with up to four places set, deleted, repeated, emptied or swapped."""
    data = json.loads(_TRUE)
    del data["content_hash"]
    for _ in range(draw(st.integers(1, 4))):
        path, other = draw(st.sampled_from(_PLACES)), draw(st.sampled_from(_PLACES))
        how = draw(st.sampled_from(("set", "scale", "delete", "repeat", "empty", "swap")))
        try:
            _change(data, path, other, how, draw)
        except (KeyError, IndexError, TypeError):  # the place is gone by an earlier change
            continue
    return data


def _change(data: Any, path: Path, other: Path, how: str, draw: st.DrawFn) -> None:
    value, holder = at(data, path), at(data, path[:-1])
    if how == "set":
        put(data, path, draw(_NUMBERS if type(value) in (int, float) else ANY_JSON))
    elif how == "scale" and type(value) is float:
        put(data, path, value * draw(st.sampled_from((-1, 0, 0.5, 2, 1e-12, 1e12, 1e30))))
    elif how == "delete":
        del holder[path[-1]]
    elif how == "repeat" and isinstance(holder, list):
        holder.append(value)
    elif how == "empty":
        put(data, path, None if draw(st.booleans()) else type(value)())
    elif how == "swap":
        same = at(data, other)
        put(data, other, value)
        put(data, path, same)


# --- used -----------------------------------------------------------------------------------------


def use_everywhere(results: Sequence[RunResult]) -> None:
    """All that a page, a command or an export does with runs. Raises what is no documented refusal."""
    wording.labels_of(results, english)
    exchange.document(results, created_at="2026-11-22T18:30:00+00:00")
    board([result for result in results if result.spec.workload == results[0].spec.workload])
    for key in charts._KINDS:
        charts.chart(key, results, english)
    for result in results:
        quality(result)
        listed(result)
        summarise(result)
        fact_sheet(result, english)
        wording.setup_words(result.spec.setup, None, english)
        for note in (*result.notes, *([result.failure] if result.failure else [])):
            sentence(note.code, note.facts)
        for caveat in caveats.of_run(result):
            sentence(caveat.code, caveat.facts)
        explained(result, english)
        bottleneck(result)
        flow(result)
        roofline(result)
    json.dumps(chrome_trace(results), allow_nan=False)
    for baseline, candidate in itertools.pairwise(results):
        for item in comparability.differences(baseline, candidate):
            sentence(item.code, {"field": item.field, "a": item.a, "b": item.b})
        try:
            found = compare(baseline, candidate)
        except InputError as problem:  # same_run, not_comparable, or blocks of one job at the same time
            sentence(problem.code, problem.facts)
            continue
        quality(found)
        wording.verdict_sentence(found, results, english)
        wording.start_up_sentence(found, results, english)
        list(wording.thread_sentences(results, [found], english))
        exchange.document(results, [found], created_at="2026-11-22T18:30:00+00:00")
