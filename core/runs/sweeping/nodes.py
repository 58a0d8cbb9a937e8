"""Which machines of a cluster may share one sweep: equal ones that have the devices. Pure; it asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.records import Note, Setup, Target
from core.runs.elsewhere.kinds import kinds

_PACKAGES = ("torch", "torchvision")  # what speed hangs on


@dataclass(frozen=True)
class Node:
    """One machine of a cluster."""

    id: str | None
    targets: tuple[Target, ...]
    kinds: tuple[str, ...]  # of each target

    @property
    def name(self) -> str:
        """Its kinds, an accelerator's first; those that can't measure only where none can."""
        return ", ".join(dict.fromkeys(reversed(self.fit_kinds or self.kinds)))

    @property
    def fit(self) -> tuple[Target, ...]:
        return tuple(target for target in self.targets if target.state != "unfit")

    @property
    def fit_kinds(self) -> tuple[str, ...]:
        both = zip(self.targets, self.kinds, strict=True)
        return tuple(kind for target, kind in both if target.state != "unfit")

    @property
    def accelerator(self) -> str | None:
        """The first that it has, as a Setup names it."""
        return next((target.device for target in self.fit if target.device != "cpu"), None)

    def target(self, setups: Sequence[Setup]) -> Target:
        """Where a job of these setups is sent: to the accelerator that one of them uses, or else to the CPU."""
        found = [target for setup in setups if (target := self.of(setup)) is not None]
        return min(found, key=lambda target: target.device == "cpu")

    def of(self, setup: Setup) -> Target | None:
        """What has the setup's device, one for each worker; a target is `count` devices of its kind."""
        name, _, index = setup.device.partition(":")
        for target in self.targets:
            known, _, first = target.device.partition(":")
            number = int(index or 0) - int(first or 0)
            needed = 1 if name == "cpu" else setup.workers
            if name == known and 0 <= number <= target.count - needed:
                return target
        return None


@dataclass(frozen=True)
class Chosen:
    """The machines that a sweep is spread over, and why the others aren't among them."""

    nodes: tuple[Node, ...]
    left_out: tuple[tuple[Node, Note], ...]


def choose(
    targets: Sequence[Target], setups: Sequence[Setup], kind: str | None = None, *, may_wait: bool = False
) -> Chosen:
    """The largest group of equal machines that can measure these setups, and of that kind where it is named.

    Of groups of one size the one with more devices, then the first. Busy machines are left out unless one
    `may_wait` for them, or all are busy. Raises InputError: cluster_empty, unknown_kind, sweep_no_machine, or
    why the machines of the kind that is named can't measure.
    """
    nodes = _nodes(targets)
    if not nodes:
        raise InputError("cluster_empty")
    if kind is not None and not any(kind in node.kinds for node in nodes):
        available = ", ".join(dict.fromkeys(name for node in nodes for name in node.kinds))
        raise InputError("unknown_kind", kind=kind[:80], available=available)
    why = {node.id: reason for node in nodes if (reason := _unfit(node, setups, kind)) is not None}
    fit = [node for node in nodes if node.id not in why]
    if not fit:
        if kind is not None and (reasons := [why[node.id] for node in nodes if kind in node.kinds]):
            raise InputError(reasons[0].code, **reasons[0].facts)
        devices = ", ".join(dict.fromkeys(setup.device for setup in setups)) or "cpu"
        raise InputError("sweep_no_machine", devices=devices, count=len(nodes))
    free = [node for node in fit if all(target.state == "free" for target in _used(node, setups))]
    if free and not may_wait:
        why |= {node.id: Note("sweep_node_busy") for node in fit if node not in free}
        fit = free
    groups = [[other for other in fit if other is node or _are_equal(node, other)] for node in fit]
    best = max(groups, key=lambda group: (len(group), len(group[0].fit)))  # the first of the best
    why |= {node.id: _difference(node, best[0]) for node in fit if node not in best}
    return Chosen(tuple(best), tuple((node, why[node.id]) for node in nodes if node.id in why))


def _nodes(targets: Sequence[Target]) -> list[Node]:
    """The machines that these are on, in their order."""
    names = {target.id: kind.name for kind in kinds(targets) for target in kind.targets}
    by_node: dict[str | None, list[Target]] = {}
    for target in targets:
        by_node.setdefault(target.node, []).append(target)
    return [
        Node(node, tuple(found), tuple(names[target.id] for target in found)) for node, found in by_node.items()
    ]


def _used(node: Node, setups: Sequence[Setup]) -> list[Target]:
    """Whatever the setups are measured on; all that it has without any."""
    found = [target for setup in setups if (target := node.of(setup)) is not None]
    return found or list(node.fit)


def _unfit(node: Node, setups: Sequence[Setup], kind: str | None) -> Note | None:
    if kind is not None and kind not in node.kinds:
        return Note("sweep_node_other_kind", {"kind": kind})
    if kind is not None and kind not in node.fit_kinds:  # its processor isn't what was asked for
        return next(
            (target.problem for target in _of_kind(node, kind) if target.problem), Note("sweep_node_unknown")
        )
    missing = [setup for setup in setups if node.of(setup) is None]
    broken = [target for target in _used(node, setups) if target.state == "unfit"]
    if missing and node.targets[0].problem is None:
        return Note("sweep_node_lacks", {"devices": ", ".join(dict.fromkeys(item.device for item in missing))})
    if missing or broken or not node.fit:
        known = [target.problem for target in (*broken, *node.targets) if target.problem is not None]
        return known[0] if known else Note("sweep_node_unknown")
    return None if node.targets[0].machine is not None else Note("sweep_node_unknown")


def _of_kind(node: Node, kind: str) -> list[Target]:
    return [target for target, its in zip(node.targets, node.kinds, strict=True) if its == kind]


def _are_equal(one: Node, other: Node) -> bool:
    return not _fields_that_differ(one, other)


def _difference(node: Node, chosen: Node) -> Note:
    """Why a machine that could measure it isn't equal to those that do."""
    return Note("sweep_node_differs", {"fields": "; ".join(_fields_that_differ(node, chosen))})


def _hardware(node: Node) -> str:
    """Its name, and how many it has of a kind."""
    both = list(zip(node.fit, node.fit_kinds, strict=True))
    words = (kind if target.count == 1 else f"{target.count} × {kind}" for target, kind in reversed(both))
    return ", ".join(dict.fromkeys(words))


def _fields_that_differ(one: Node, other: Node) -> list[str]:
    """Kinds hold what must be the same of the hardware: names, cores, memory."""
    counts = [[target.count for target in node.fit] for node in (one, other)]
    same = (one.fit_kinds, counts[0]) == (other.fit_kinds, counts[1])
    found = [] if same else [f"{_hardware(one)} / {_hardware(other)}"]
    mine, theirs = dict(one.targets[0].packages), dict(other.targets[0].packages)
    for name in _PACKAGES:
        if mine.get(name) != theirs.get(name):
            found.append(f"{name} {mine.get(name)} / {theirs.get(name)}")
    return found
