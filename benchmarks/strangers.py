"""Many visitors at once, in a process of their own: `python -m benchmarks.strangers PORT COUNT`.

A command is a JSON line on standard input, its answer one on standard output (`Tally` and the processor's time
that it took this process):

    look     query            each opens every page once, without pause
    browse   query, seconds   each turns pages and runs them again, with a person's pauses
    enter    query            each opens the first page
    follow   query, seconds   each refreshes what is live on its page, without pause
    leave                     all hang up, and the process ends

One thread serves all: fifty threads would cost the machine more than fifty visitors do.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.pairing import BrokenError
from benchmarks.session import Session
from benchmarks.visitor import LIKE_A_BROWSER, PATIENCE_S, acknowledge_at_once, address

PAGES = ("", "optimise", "sequence", "learn", "results")  # by their names in the address
# A reader's pause: negative exponential, mean and longest as in TPC-W, the benchmark of a web shop.
PAUSE_S, _LONGEST_S = 7.0, 70.0


@dataclass
class Tally:
    """What came of one command."""

    reruns_s: list[float] = field(default_factory=list)  # of a page, each from its request to its end
    refreshes_s: list[float] = field(default_factory=list)  # of a fragment, likewise
    errors: list[str] = field(default_factory=list)


class Stranger:
    """One visitor; its number makes its habits its own. Not for two commands at once."""

    def __init__(self, number: int, port: int) -> None:
        self._address, self._turns, self._chance = address(port), number, random.Random(number)
        self._session = Session()
        self._connection: ClientConnection | None = None

    async def look(self, tally: Tally, query: str) -> None:
        for _ in range(2 * len(PAGES)):  # the first page with and without `query`
            await self._turn_page(tally, query)

    async def browse(self, tally: Tally, query: str, until: float) -> None:
        while await self._read(tally, min(until, time.perf_counter() + self._pause_s())) < until:
            if self._chance.random() < 0.5:
                await self._turn_page(tally, query)
            else:
                tally.reruns_s.append(await self._ask(self._session.rerun()))

    async def enter(self, tally: Tally, query: str) -> None:
        await self._open()
        tally.reruns_s.append(await self._ask(self._session.turn_to("", query)))

    async def follow(self, tally: Tally, query: str, until: float) -> None:
        while time.perf_counter() < until:
            if not self._session.refreshing:
                raise BrokenError(f"nothing is live on the page {query!r}")
            for fragment in tuple(self._session.refreshing):
                tally.refreshes_s.append(await self._ask(self._session.refresh(fragment)))

    async def leave(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def _pause_s(self) -> float:
        return min(_LONGEST_S, self._chance.expovariate(1 / PAUSE_S))

    async def _read(self, tally: Tally, until: float) -> float:
        """Look at the page, which may refresh itself meanwhile; what time it is then."""
        while (now := time.perf_counter()) < until:
            soon = min(self._session.refreshing.values(), default=until - now)
            await asyncio.sleep(min(soon, until - now))
            for fragment in tuple(self._session.refreshing):
                tally.refreshes_s.append(await self._ask(self._session.refresh(fragment)))
        return now

    async def _turn_page(self, tally: Tally, query: str) -> None:
        """The next one; every other visit of the first page is to `query`."""
        await self._open()
        self._turns += 1
        rounds, page = divmod(self._turns, len(PAGES))
        with_query = page == 0 and rounds % 2 == 0
        tally.reruns_s.append(await self._ask(self._session.turn_to(PAGES[page], query if with_query else "")))

    async def _open(self) -> None:
        if self._connection is None:
            self._connection = await connect(self._address, max_size=None, max_queue=None, **LIKE_A_BROWSER)
            await self._ask(self._session.rerun())

    async def _ask(self, request: BackMsg) -> float:
        """Seconds until the script's run is over."""
        assert self._connection is not None
        started = time.perf_counter()
        await self._connection.send(request.SerializeToString())
        async with asyncio.timeout(PATIENCE_S):
            done = False
            while not done:
                acknowledge_at_once(self._connection.transport.get_extra_info("socket"))
                done = self._session.take(ForwardMsg.FromString(await self._connection.recv(decode=False)))
        return time.perf_counter() - started


async def _all(strangers: list[Stranger], what: str, **how: Any) -> Tally:
    tally = Tally()

    async def one(stranger: Stranger) -> None:
        try:
            await getattr(stranger, what)(tally, **how)
        except (BrokenError, OSError, TimeoutError, WebSocketException) as problem:
            tally.errors.append(f"{type(problem).__name__}: {problem}")

    await asyncio.gather(*map(one, strangers))
    return tally


async def main(port: int, count: int) -> None:
    strangers = [Stranger(number, port) for number in range(count)]
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        if command["do"] == "leave":
            break
        how, used_s = {"query": command["query"]}, time.process_time()
        if "seconds" in command:
            how["until"] = time.perf_counter() + command["seconds"]
        tally = await _all(strangers, command["do"], **how)
        print(json.dumps({**asdict(tally), "processor_s": time.process_time() - used_s}), flush=True)
    await asyncio.gather(*(stranger.leave() for stranger in strangers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
