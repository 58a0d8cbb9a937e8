"""The table of prices as a JSON document, and example values to start from. Quotes no price of anyone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.analysis.decide.candidates import Candidate, key
from core.analysis.decide.plan import EXAMPLE_DATE, EXAMPLE_SOURCE, Conditions, Offer, Terms
from core.analysis.decide.plan_checks import checked_conditions, checked_terms
from core.codec import from_plain, to_plain
from core.errors import InputError
from core.runs.files.untrusted import parse_json, shown

SCHEMA_VERSION = 2  # 1: without names, one offer for each device and way
SIZE_LIMIT_BYTES = 256 << 10
MOST_TERMS = 300
MOST_OFFERS = 8  # of one device in one way

# Round numbers, so that nobody takes them for somebody's offer.
_ACCELERATOR_HOUR, _ACCELERATOR_PRICE, _ACCELERATOR_W, _ACCELERATOR_REST_W = 3.0, 30_000.0, 400.0, 200.0
_CORE_HOUR, _CORE_PRICE, _CORE_W = 0.05, 50.0, 10.0
_CORES = 8.0  # of a processor that doesn't tell
_BOOT_S, _UNIT_S = 120.0, 60.0


@dataclass(frozen=True, slots=True)
class PriceTable:
    conditions: Conditions
    terms: tuple[Terms, ...]  # no two of the same device, way and name

    def of(self, device: str) -> tuple[Terms, ...]:
        return tuple(one for one in self.terms if one.device == device)


def examples(candidates: Iterable[Candidate]) -> PriceTable:
    """Example values: to own the devices that were measured here, and to rent and to buy every device."""
    conditions = Conditions(grid_g=400.0, date=EXAMPLE_DATE, source=EXAMPLE_SOURCE)
    by_device: dict[str, list[Candidate]] = {}
    for one in candidates:
        by_device.setdefault(key(one.device), []).append(one)
    terms = (example for device, ones in by_device.items() for example in _examples(device, ones))
    return PriceTable(conditions, tuple(terms))


def read_prices(name: str, content: bytes, today: date) -> PriceTable:
    """The table in the file called `name`.

    Raises InputError: file_too_large, file_not_json, document_newer, malformed_record, prices_twice,
    offers_full; and
    as `core.analysis.decide.plan_checks` does, with the number of the entry as the fact `row`.
    """
    if len(content) > SIZE_LIMIT_BYTES:
        raise InputError("prices_too_large", name=shown(name), limit_kib=SIZE_LIMIT_BYTES >> 10)
    data = parse_json(name, content)
    entries = _entries(data)
    conditions = from_plain(Conditions, data.get("conditions"), "prices.conditions")
    terms: dict[Offer, Terms] = {}
    for row, entry in enumerate(entries, 1):
        one = _row(from_plain(Terms, entry, f"prices.terms[{row - 1}]"), row, today)
        if one.offer in terms:
            raise InputError("prices_twice", device=shown(one.device), way=one.way, row=row)
        terms[one.offer] = one
        if sum(other.offer[:2] == one.offer[:2] for other in terms.values()) > MOST_OFFERS:
            raise InputError("offers_full", most=MOST_OFFERS)
    return PriceTable(checked_conditions(conditions, today), tuple(terms.values()))


def write_prices(table: PriceTable) -> str:
    """The table as JSON text that `read_prices` takes."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "conditions": to_plain(table.conditions),
        "terms": to_plain(table.terms),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def _entries(data: Any) -> list[Any]:
    if not isinstance(data, dict):
        raise _malformed("prices", "not an object")
    unknown = sorted(set(data) - {"schema_version", "conditions", "terms"})
    if unknown:
        raise _malformed("prices", f"unknown field {shown(unknown[0])!a}")
    version = data.get("schema_version")
    if type(version) is not int or version < 1:
        raise _malformed("prices.schema_version", "needs a whole number above 0")
    if version > SCHEMA_VERSION:
        raise InputError("document_newer", found=version, known=SCHEMA_VERSION)
    entries = data.get("terms")
    if not isinstance(entries, list):
        raise _malformed("prices.terms", "not a list")
    if len(entries) > MOST_TERMS:
        raise _malformed("prices.terms", f"has {len(entries)} entries, and at most {MOST_TERMS} are read")
    return entries


def _row(terms: Terms, row: int, today: date) -> Terms:
    try:
        return checked_terms(terms, today)
    except InputError as problem:
        raise InputError(problem.code, **problem.facts, row=row) from problem


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)


def _examples(device: str, ones: list[Candidate]) -> Iterable[Terms]:
    """What isn't measured of power is assumed: a device's with sensors stays as it was measured."""
    rent, buy, watts, rest = _ACCELERATOR_HOUR, _ACCELERATOR_PRICE, _ACCELERATOR_W, _ACCELERATOR_REST_W
    if ones[0].result.spec.setup.device == "cpu":
        cores = ones[0].device.cores or _CORES
        rent, buy, watts, rest = cores * _CORE_HOUR, cores * _CORE_PRICE, cores * _CORE_W, cores * _CORE_W / 2
    power: dict[str, float] = {"assumed_w": watts, "rest_w": rest}
    quoted = {"date": EXAMPLE_DATE, "source": EXAMPLE_SOURCE}
    if any(one.source == "measured" for one in ones):
        yield Terms(device, "own", **power, **quoted)  # type: ignore[arg-type]
    yield Terms(device, "rent", per_hour=rent, unit_s=_UNIT_S, boot_s=_BOOT_S, **power, **quoted)  # type: ignore[arg-type]
    yield Terms(device, "buy", purchase=buy, **power, **quoted)  # type: ignore[arg-type]
