"""Debian packages for the scripts: whether they can be installed without asking, and trying it."""

from __future__ import annotations

import os
import shutil
import subprocess


def apt_get() -> list[str] | None:
    """apt-get with the right to install; None where there is none or a password would be asked."""
    if not shutil.which("apt-get"):
        return None
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    if os.geteuid() == 0:
        return command
    may = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    return ["sudo", "-n", *command] if may else None


def install(command: list[str], packages: list[str], what_for: str) -> None:
    """Try to install; what came of it is seen afterwards by looking again (Ubuntu has no chromium package)."""
    print(f"Installing {' and '.join(packages)} with apt-get, for {what_for}", flush=True)
    subprocess.run([*command, "update"])
    for package in packages:
        subprocess.run([*command, "install", "-y", "--no-install-recommends", package])
