"""Which devices a cluster has, as targets: asked of every node, and checked there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ray
from ray.util.client import ray as client
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from core.cluster import facts
from core.codec import from_plain
from core.records import Machine, Note, Target, TargetState

_SILENT_S = 20.0  # the first look has processes of Ray's to start
_FREE_S = 15.0  # with the look before it less than the parent waits
_OWNERS_LABEL = "crossover.io/kind"
_RAYS_LABEL = "ray.io/accelerator-type"

Node = Mapping[str, Any]  # as ray.nodes() tells it


def on(node_id: str, **options: Any) -> dict[str, Any]:
    """Options for what runs on that node and nowhere else, is never tried again, and reserves what is said."""
    pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return {"num_cpus": 0, "scheduling_strategy": pinned, **options}


def nodes() -> list[Node]:
    """Those that are alive and offer processors, in an order that stays."""
    found = [node for node in ray.nodes() if node["Alive"] and offered(node, "CPU") > 0]
    return sorted(found, key=lambda node: str(node["NodeID"]))


def offered(node: Node, resource: str) -> float:
    return float(node["Resources"].get(resource, 0))


def free(node_id: str) -> dict[str, dict[str, float]]:
    """What isn't reserved now, by node. A client outside isn't told, so it asks on that node."""
    if not client.is_connected():
        return _free()
    found: dict[str, dict[str, float]] = ray.get(_task(_free, **on(node_id)).remote(), timeout=_FREE_S)
    return found


def targets(code: str) -> list[Target]:
    """Every device of every node; `code`: the fingerprint that a node's code must have."""
    known = nodes()
    asked = [_task(facts.look, **on(node["NodeID"])).remote() for node in known]
    if asked:
        ray.wait(asked, num_returns=len(asked), timeout=_SILENT_S)
    answers = {node["NodeID"]: _answer(reference) for node, reference in zip(known, asked, strict=True)}
    answering = next((name for name, answer in answers.items() if not isinstance(answer, Note)), None)
    unreserved: Mapping[str, Mapping[str, float]] = free(answering) if answering is not None else {}
    found: list[Target] = []
    for node in known:
        now = unreserved.get(node["NodeID"], node["Resources"])  # of a new node nothing is told for a moment
        found += _of_node(node, answers[node["NodeID"]], now, code)
    return found


def _answer(reference: Any) -> Any:
    """What a task said, or what became of it."""
    if not ray.wait([reference], timeout=0)[0]:
        ray.cancel(reference, force=True)
        return Note("node_silent", {"seconds": _SILENT_S})
    try:
        return ray.get(reference)
    except Exception as problem:  # noqa: BLE001 - Ray raises whatever the node has met
        return Note("node_broken", {"last_words": last_line(problem)})


def last_line(problem: Exception) -> str:
    """The end of what Ray says: the cause, without the addresses that stand before it."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(problem).__name__


def _of_node(node: Node, answer: Any, now: Mapping[str, float], code: str) -> list[Target]:
    labels = node.get("Labels") or {}
    label = labels.get(_OWNERS_LABEL) or labels.get(_RAYS_LABEL)
    gpus = int(offered(node, "GPU"))
    problem = answer if isinstance(answer, Note) else _unfitness(answer, code)
    said = {} if isinstance(answer, Note) else answer
    machine = from_plain(Machine, said["machine"]) if said.get("machine") else None
    packages = tuple((name, version) for name, version in said.get("packages", ()))
    idle = now.get("CPU", 0) >= offered(node, "CPU")

    def target(device: str, kind: str, count: int, is_free: bool, own: Note | None, fit: bool) -> Target:
        state: TargetState = "unfit" if problem or not fit else "free" if is_free else "busy"
        return Target(node["NodeID"], device, kind, count, state, problem or own, machine, packages)

    has_gpu = gpus > 0 or _RAYS_LABEL in labels
    # an accelerator's label names no processor, and an owner's label on a node with a GPU names that
    of_cpu = labels.get(_OWNERS_LABEL) if not has_gpu else None
    cpu = of_cpu or (machine.cpu.model if machine else "CPU")
    found = [target("cpu", cpu, 1, idle, None, True)]
    if has_gpu:
        seen = machine.gpus[0].name if machine and machine.gpus else None
        kind = label or seen or "GPU"
        own = _mislabelled(labels, kind, machine) if gpus else Note("gpu_not_offered", {"label": kind})
        is_free = idle and now.get("GPU", 0) >= 1
        found.append(target("cuda:0", kind, max(1, gpus), is_free, own, seen is not None and gpus > 0))
    return found


def _unfitness(answer: Mapping[str, Any], code: str) -> Note | None:
    if answer["code"] != code:
        return Note("node_other_version")
    if answer["missing"]:
        return Note("node_packages_missing", {"packages": " ".join(answer["missing"])})
    return None


def _mislabelled(labels: Mapping[str, str], kind: str, machine: Machine | None) -> Note | None:
    """Where the driver of the node doesn't see what its label promises."""
    if machine is None:
        return None
    if not machine.gpus:
        return Note("gpu_not_there", {"label": kind})
    promised, seen = labels.get(_RAYS_LABEL), machine.gpus[0].name
    if promised is None or all(part in seen.upper() for part in re.split(r"[-_ ]+", promised.upper())):
        return None
    return Note("kind_not_as_labelled", {"label": promised, "found": seen})


def _free() -> dict[str, dict[str, float]]:
    from ray._private.state import available_resources_per_node

    found: dict[str, dict[str, float]] = available_resources_per_node()
    return found


def _task(function: Any, **options: Any) -> Any:
    return ray.remote(function).options(max_retries=0, **options)
