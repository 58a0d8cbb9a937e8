"""The end of what a lost process of Ray's wrote into its log, where its node still lives to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray

from core.cluster import census

_PATIENCE_S = 15.0  # on a busy node Ray may first have to start a process
_LINES = 20


def of(node_id: str, pid: int) -> str | None:
    """The last lines of that node's process; None: the node doesn't answer either."""
    task: Any = ray.remote(_read).options(max_retries=0, **census.on(node_id))
    try:
        words: str = ray.get(task.remote(pid), timeout=_PATIENCE_S)
    except Exception:  # noqa: BLE001 - whatever it is, the node didn't answer
        return None
    return words


def _read(pid: int) -> str:
    node = ray._private.worker._global_node
    lines: list[str] = []
    files = Path(node.get_logs_dir_path()).glob(f"worker-*-{pid}.err")
    for path in sorted(files, key=lambda path: path.stat().st_mtime):  # a pid may have been others' before
        lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines[-_LINES:] if not line.startswith(":"))
