"""The browser that drives the tests: which one, and (as a command) fetching it and a Chinese font."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import packages

_NAMES = ("chromium", "google-chrome", "chromium-browser", "microsoft-edge")


def find() -> str | None:
    """The executable to drive: CROSSOVER_BROWSER, else one on the PATH, else None: Playwright's own."""
    on_path = (shutil.which(name) for name in _NAMES)
    return os.environ.get("CROSSOVER_BROWSER") or next(filter(_drivable, on_path), None)


def _drivable(path: str | None) -> bool:
    # A snap has its own /tmp, so it never sees the profile that Playwright made for it.
    return path is not None and Path(path).resolve().name != "snap"


def _has_chinese_font() -> bool:
    if sys.platform != "linux":
        return True  # macOS and Windows bring theirs
    if lister := shutil.which("fc-list"):
        return bool(subprocess.run([lister, ":lang=zh-cn"], capture_output=True, check=True).stdout)
    return any(Path("/usr/share/fonts").rglob("*CJK*"))


def _playwrights_own(apt_get: list[str] | None) -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        libraries = ["--with-deps"] if apt_get else []
        command = [sys.executable, "-m", "playwright", "install", *libraries, "chromium"]
        if subprocess.run(command).returncode:
            sys.exit(
                "No browser could be fetched. Install Chromium or Chrome, or set CROSSOVER_BROWSER to one."
            )
    return path


def main() -> None:
    apt_get = None
    there = {"chromium": find() is not None, "fonts-noto-cjk": _has_chinese_font()}
    missing = [package for package, present in there.items() if not present]
    if missing and (apt_get := packages.apt_get()):
        packages.install(apt_get, missing, "the browser tests")
    print("Browser for the tests:", find() or _playwrights_own(apt_get))
    if not _has_chinese_font():
        print("No Chinese font found: screenshots of Chinese pages will show boxes (package fonts-noto-cjk).")


if __name__ == "__main__":
    main()
