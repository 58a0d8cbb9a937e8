"""Asks torch in a child process, because a broken driver can hang whoever calls it. Loads no torch itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.codec import from_plain
from core.errors import InputError
from core.hardware.doctor.facts import DeviceCheck, Torch
from core.records import Device, Note

TORCH_LIMIT_S = 60.0  # importing torch from a cold disk takes a quarter of it
PRODUCT_LIMIT_S = 60.0  # the same, and a GPU's first kernel

_ROOT = Path(__file__).resolve().parents[3]
_PROBE = (sys.executable, "-m", "core.measure.probe")
_LAST_WORDS = 400  # characters
_MOST_BYTES = 2**20
# A backslash may stand twice, as Python quotes it; blanks belong to a path where it is in quotes
_HOME = re.compile(
    r"""(?:[A-Za-z]:)?[\\/]+(?:users|home)[\\/]+(?:[^\\/\n:'"]+(?=[\\/])|[^\\/\s:'"]+)""", re.IGNORECASE
)
_QUOTED = re.compile(r"""(?<=['"])(?:…|~\w*|[A-Za-z]:)?[\\/]+(?:[^'"\n\\/]+[\\/]+)*(?=[^'"\n\\/]*['"])""")
_PATH = re.compile(
    r"""(?<![\w/:.])(?:(?:[…~]|[A-Za-z]:)[\\/]+(?:[^\s"':\\/]+[\\/]+)*|[\\/]+(?:[^\s"':\\/]+[\\/]+)+)"""
)
_GRACE_S = 2.0  # a process that waits inside the kernel outlives even a kill: it is left behind


def ask_torch(command: tuple[str, ...] = (*_PROBE, "torch"), limit_s: float = TORCH_LIMIT_S) -> Torch | Note:
    """What a child found of torch; a Note (torch_missing, _broken, _hangs, _died) where it told too little.

    A child that told what its torch was built for and then hung or died still gives a Torch, without devices
    and with `silent_s` or a `problem`.
    """
    told = _tell(command, limit_s)
    steps = {step["step"]: {k: v for k, v in step.items() if k != "step"} for step in told.steps}
    if "import_failed" in steps:
        problem = _clean(str(steps["import_failed"].get("problem")))
        missing = steps["import_failed"].get("missing") is True
        return Note("torch_missing") if missing else Note("torch_broken", {"problem": problem})
    ended = f"no answer within {limit_s:g} s" if told.late else told.death
    how = {"problem": None, "silent_s": limit_s} if told.late else {"problem": told.death}
    steps.setdefault("devices", {"available": False, "devices": (), **how})
    steps.setdefault("torchvision", {"torchvision_problem": ended} if steps["devices"].get("devices") else {})
    if "build" in steps:
        known = {k: v for name in ("build", "devices", "torchvision") for k, v in steps[name].items()}
        with contextlib.suppress(InputError):
            return from_plain(Torch, {k: _clean(v) for k, v in known.items()})
    if told.late:
        return Note("torch_hangs", {"limit_s": limit_s})
    return Note("torch_died", {"exit_code": told.exit_code, "last_words": told.last_words})


def check_device(
    device: Device, command: tuple[str, ...] = (*_PROBE, "product"), limit_s: float = PRODUCT_LIMIT_S
) -> DeviceCheck:
    """Let a child compute a matrix product on the device and compare it with the CPU's."""
    told = _tell((*command, device.id), limit_s)
    answer = next((step for step in told.steps if step["step"] in ("product", "failed")), None)
    if answer is None:
        if told.late:
            return DeviceCheck(device, None, None, Note("device_check_hangs", {"limit_s": limit_s}))
        return DeviceCheck(device, None, None, Note("device_check_failed", {"problem": told.death}))
    if answer["step"] == "failed":
        problem = _clean(str(answer.get("problem")))
        return DeviceCheck(device, None, None, Note("device_check_failed", {"problem": problem}))
    try:
        seconds, difference, tolerance = (
            float(answer[name]) for name in ("seconds", "difference", "tolerance")
        )
    except (KeyError, TypeError, ValueError):
        return DeviceCheck(device, None, None, Note("device_check_failed", {"problem": told.death}))
    right = difference <= tolerance  # NaN isn't
    wrong = None if right else Note("device_check_wrong", {"difference": difference, "tolerance": tolerance})
    return DeviceCheck(device, seconds, difference, wrong)


def without_paths(text: str) -> str:
    """The text with only the last part of each path in it: the rest may name a person."""
    return _PATH.sub("", _QUOTED.sub("", _HOME.sub("…", text)))


@dataclass(frozen=True, slots=True)
class _Told:
    steps: tuple[dict[str, Any], ...]  # JSON objects, each with a "step"
    exit_code: int | None  # None: it had to be killed
    last_words: str

    @property
    def late(self) -> bool:
        return self.exit_code is None

    @property
    def death(self) -> str:
        """How it ended by itself, for whoever knows such things."""
        code = self.exit_code or 0
        names = {int(item): item.name for item in signal.Signals}
        how = f"ended by {names.get(-code, -code)}" if code < 0 else f"ended with exit code {code}"
        return f"{how}: {self.last_words}" if self.last_words else how


def _tell(command: tuple[str, ...], limit_s: float) -> _Told:
    """Run the child and gather what it told, also where it never came to an end.

    Its output goes to files: a pipe would be waited for as long as any process of its group holds it.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            code = _run(command, limit_s, out, err)
        except OSError as problem:  # no room for another process
            return _Told((), 127, problem.strerror or "")  # as a shell has it
        steps, errors = _text(out, 0), _text(err, max(0, err.seek(0, os.SEEK_END) - _MOST_BYTES))
    words = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    return _Told(_steps(steps), code, _shown(without_paths(words))[-_LAST_WORDS:])


def _text(file: IO[bytes], start: int) -> str:
    file.seek(start)
    return file.read(_MOST_BYTES).decode(errors="replace")


def _run(command: tuple[str, ...], limit_s: float, out: IO[bytes], err: IO[bytes]) -> int | None:
    # Its standard input stays open for as long as it may live, and ends with this process
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=_ROOT, start_new_session=True
    )
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    if process.stdin is not None:
        process.stdin.close()


def _steps(text: str) -> tuple[dict[str, Any], ...]:
    """The lines that are steps; not one that was cut short, nor what something else has printed."""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            step = json.loads(line)
            if isinstance(step, dict) and isinstance(step.get("step"), str):
                found.append(step)
    return tuple(found)


def _clean(value: Any) -> Any:
    return _shown(without_paths(value))[:_LAST_WORDS] if isinstance(value, str) else value


def _shown(text: str) -> str:
    """Without what would steer the terminal that it is printed on."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
