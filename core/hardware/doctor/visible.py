"""Which GPUs an environment variable leaves visible. Knows how CUDA reads it, and nothing of what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    count: int
    stopped_at: str | None = None  # the first entry that names no GPU: it and all after it are hidden


def shown(value: str, uuids: Sequence[str]) -> Shown | None:
    """What CUDA_VISIBLE_DEVICES shows of these GPUs; None where it names MIG instances, which are unknown.

    CUDA programming guide, "CUDA Environment Variables": indices or the beginnings of UUIDs; the list ends at
    the first entry that is neither, so that "", "-1" and "NoDevFiles" hide all.
    """
    seen: set[int] = set()
    for entry in (part.strip() for part in value.split(",")):
        if entry.startswith("MIG-"):
            return None
        index = _index(entry, uuids)
        if index is None:
            return Shown(len(seen), entry)
        seen.add(index)
    return Shown(len(seen))


def hides_all(value: str) -> bool:
    """For lists of GPUs that aren't known here."""
    first = value.split(",")[0].strip()
    return first == "" or first.startswith("-") or first == "NoDevFiles"


def _index(entry: str, uuids: Sequence[str]) -> int | None:
    if entry.isascii() and entry.isdigit():
        return int(entry) if len(entry) < 6 and int(entry) < len(uuids) else None
    if not entry.startswith("GPU-") or entry == "GPU-":
        return None
    matches = [index for index, uuid in enumerate(uuids) if uuid.startswith(entry)]
    return matches[0] if len(matches) == 1 else None
