"""Where a job can be sent: a device on this machine or on another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.records.codes import Note
from core.records.surroundings import Machine

# busy: somebody else has reserved what a job needs; unfit: it can't measure, `problem` says why
TargetState = Literal["free", "busy", "unfit"]


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of device on one machine; a job sent there has the machine to itself."""

    node: str | None  # the cluster's id of the machine; None: this one
    device: str  # as a Setup names it there: cpu, cuda:0, mps, ...
    kind: str  # the label that its owner gave it, else the device's own name; equal kinds are interchangeable
    count: int = 1  # such devices on that machine
    state: TargetState = "free"
    problem: Note | None = None
    machine: Machine | None = None  # None: it hasn't said
    packages: tuple[tuple[str, str], ...] = ()  # what it would measure with: name and version

    @property
    def id(self) -> str:
        return f"{self.node or 'here'}/{self.device}"
