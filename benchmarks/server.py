"""What the dashboard costs beside an empty Streamlit app: start, memory, first page, rerun, imports."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import work
from benchmarks.pairing import BrokenError, Row, at_most, ratios, take_turns
from benchmarks.servers import DASHBOARD, EMPTY, Server, serving
from benchmarks.visitor import Visitor

_FORBIDDEN = ("torch", "pandas", "plotly.express")
_MIB = 2**20


@dataclass(frozen=True)
class _Opened:
    """One server, started and visited once by each of two sessions."""

    start_s: float
    first_page_s: float
    second_page_s: float
    memory_mib: float
    children_mib: float


def run(folder: Path, quick: bool) -> Iterator[Row]:
    if not quick:
        yield from _starts(folder, 5)
    with serving(EMPTY, folder) as empty, serving(DASHBOARD, folder) as dashboard:
        if quick:  # the first start of each will do
            yield from _started([_opened(dashboard)], [_opened(empty)])
        yield from _pages(empty, dashboard, quick)


def _starts(folder: Path, pairs: int) -> Iterator[Row]:
    opened: dict[Path, list[_Opened]] = {DASHBOARD: [], EMPTY: []}

    def start(script: Path) -> float:
        with serving(script, folder) as server:
            opened[script].append(_opened(server))
        return opened[script][-1].start_s

    take_turns(lambda: start(DASHBOARD), lambda: start(EMPTY), pairs)
    yield from _started(opened[DASHBOARD], opened[EMPTY])


def _started(ours: Sequence[_Opened], theirs: Sequence[_Opened]) -> Iterator[Row]:
    starts = [(a.start_s, b.start_s) for a, b in zip(ours, theirs, strict=True)]
    yield Row("cold start / empty app's, to the health check", ratios(starts), at_most(1.3))
    firsts, seconds = [item.first_page_s for item in ours], [item.second_page_s for item in ours]
    yield Row("page ready after connecting, first of the server", tuple(firsts), at_most(0.5), "s")
    yield Row("page ready after connecting, second session", tuple(seconds), at_most(0.5), "s")
    memory = tuple(a.memory_mib / b.memory_mib for a, b in zip(ours, theirs, strict=True))
    yield Row("memory with one session / empty app's", memory, at_most(1.6))
    yield Row("memory of the server's worker", tuple(item.children_mib for item in ours), unit="MiB")


def _opened(server: Server) -> _Opened:
    with Visitor(server.port) as visitor:
        for _ in visitor.follow():  # until the worker has told its devices
            pass
        memory, children = server.memory_bytes() / _MIB, server.children_bytes() / _MIB
        with Visitor(server.port) as second:
            return _Opened(server.start_s, visitor.first.seconds, second.first.seconds, memory, children)


def _pages(empty: Server, dashboard: Server, quick: bool) -> Iterator[Row]:
    """Reruns without a result; then a job to its verdict; reruns with everything shown; what was imported."""
    pairs = 3 if quick else 40
    with Visitor(empty.port) as theirs, Visitor(dashboard.port) as ours:
        for _ in ours.follow():
            pass
        yield _reruns("nothing measured yet", ours, theirs, pairs)
        with measured(dashboard, work.address(quick, max_seconds=1 if quick else 5)) as shown:
            yield _reruns("a full result", shown, theirs, pairs)
            for key in sorted(shown.expanders):
                shown.open_expander(key)
            yield _reruns("a full result and every expander open", shown, theirs, pairs)
            memory = dashboard.memory_bytes() / empty.memory_bytes()
            yield Row("memory with a full result shown / empty app's", (memory,))
            yield _imports(dashboard)


def measured(dashboard: Server, query: str) -> Visitor:
    """A visitor who has run a job and now sees its verdict and charts."""
    visitor = Visitor(dashboard.port, query)
    try:
        for _ in visitor.follow():
            pass
        visitor.press("run")
        for _ in visitor.follow():
            pass
        if not list(visitor.rerun().elements("plotly_chart")):
            raise BrokenError("the job is over and no chart is shown")
    except BaseException:
        visitor.close()
        raise
    return visitor


def _reruns(what: str, ours: Visitor, theirs: Visitor, pairs: int) -> Row:
    size = ours.rerun().size_bytes / 1000
    theirs.rerun()
    measured = take_turns(lambda: ours.rerun().seconds, lambda: theirs.rerun().seconds, pairs)
    took, empty = (1000 * statistics.median(side) for side in zip(*measured, strict=True))
    remark = f"{took:.1f} ms against {empty:.1f} ms; {size:.1f} kB"
    return Row(f"rerun / empty app's, {what}", ratios(measured), at_most(6), remark=remark)


def _imports(dashboard: Server) -> Row:
    modules = dashboard.modules()
    found = [name for name in _FORBIDDEN if name in modules]
    libraries = {part for path in dashboard.mapped_files() for part in Path(path).parts}
    found += [f"{name}'s libraries" for name in _FORBIDDEN if name in libraries]
    known = "streamlit" in modules and "plotly" in modules  # or the list wasn't this server's
    if not known:
        raise BrokenError(f"these can't be the dashboard's modules: {sorted(modules)[:50]}")
    name = f"{', '.join(_FORBIDDEN)} in the server, after all of that"
    return Row(name, (float(len(found)),), at_most(0), "found", ", ".join(found))
