"""What the operating system says about itself: files below a root that tests can replace, and commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TIMEOUT_S = 5


def text(path: Path) -> str | None:
    """The file's text without the blanks around it; None where it can't be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def answer(*command: str) -> str | None:
    """What a command prints; None where it doesn't exist, fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def cpuinfo(root: Path) -> dict[str, str]:
    """The first processor's entries in /proc/cpuinfo; empty where there is no such file."""
    first, _, _ = (text(root / "proc/cpuinfo") or "").partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def cgroup_quota_cores(root: Path) -> float | None:
    """The tightest CPU quota on this process, in cores; None: no quota.

    Looks at the process's control group and every one above it, cgroup v2 and v1, because each of
    them limits what is below. A path that isn't visible from inside a container is skipped, which
    leaves the mount's own root: the container's group.
    """
    quotas = []
    for line in (text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / controllers  # v2 has no controllers in its line
        group = mount / path.lstrip("/")
        quotas += [_group_quota(folder) for folder in (group, *group.parents) if folder.is_relative_to(mount)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _group_quota(group: Path) -> float | None:
    words = (text(group / "cpu.max") or "").split()  # v2: "200000 100000" or "max 100000"
    if not words:
        words = [text(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]  # v1: -1 = none
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    return int(words[0]) / int(words[1])
