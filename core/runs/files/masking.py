"""What a run says about a person's machine, taken out before it leaves: paths, host, user. Knows no format.

Two steps, because a content hash must come out the same on every machine: `without_paths` depends on the
record alone; `masked` also takes out the names that this machine and its user go by.
"""

from __future__ import annotations

import dataclasses
import functools
import getpass
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from core.records import Comparison, DataInfo, Note, RunResult

HIDDEN = "…"

_FOLDER = re.compile(r"folder:(?P<path>.*?)(?P<side>@\d+)?", re.DOTALL)
_FOLDER_MASKED = re.compile(r"images(-[0-9a-f]{8})?")
# An absolute path, or one from the home folder. A backslash may stand twice, as Python quotes it. Blanks belong
# to a path where it is in quotes, and to a person's folder on Windows.
_PATH = re.compile(
    r"""
    (?<=['"])(?:file://)?(?:~\w*|[A-Za-z]:)?[\\/]+(?:[^'"<>|\n\\/]+[\\/]+)+[^'"<>|\n\\/]*(?=['"])
  | (?<![\w/\\…:.])(?:file://)?(?:~\w*|(?:\\+[?.]\\+)?[A-Za-z]:)?[\\/]+
    (?:(?i:users)\\+[^'"<>|,;:\\/\n]+\\+|[^\s'"<>|,;:\\/]+[\\/]+)(?:[^\s'"<>|,;:\\/]+[\\/]+)*[^\s'"<>|,;:\\/]*
    """,
    re.VERBOSE,
)
_PATH_FACTS = frozenset(("path", "folder", "example"))  # a path from end to end, whatever characters it has
_HOMES = ("home", "users")
# Names that belong to nobody, and that other words of a record may be
_COMMON = frozenset(
    (
        "root", "user", "admin", "ubuntu", "debian", "localhost", "runner", "linux", "windows", "macos", "wsl",
        "container", "docker", "home", "default", "jetson", "nvidia", "amd", "intel", "apple", "cpu", "gpu",
        "cuda", "rocm", "xpu", "mps", "nvml", "torch", "pytorch", "torchvision", "python",
    )
)  # fmt: skip
_LEAST_LETTERS = 3
T = TypeVar("T")


def masked(result: RunResult) -> RunResult:
    """The run as it may be shown to strangers. A run that was masked already is returned as it is."""
    return _changed(without_paths(result), _without_names)


def masked_comparison(comparison: Comparison) -> Comparison:
    """With its runs masked, and the caveats that quote them."""
    return dataclasses.replace(
        comparison,
        baseline=masked(comparison.baseline),
        candidate=masked(comparison.candidate),
        caveats=masked_texts(comparison.caveats),
    )


def masked_texts(value: T) -> T:
    """A record, or a container of them, or a text, with neither paths nor names in any of its texts."""
    return _walk(_walk(value, _without_path), _without_names)


def without_paths(result: RunResult) -> RunResult:
    """The run without a path in it.

    A data set `folder:PATH` is named after its images instead, by their fingerprint: runs on the same images
    stay comparable wherever the images lay, and nobody can guess the path from it.
    """
    work = dataclasses.replace(
        result.spec.workload, dataset=_dataset(result.spec.workload.dataset, result.data)
    )
    spec = dataclasses.replace(result.spec, workload=work)
    return _changed(dataclasses.replace(result, spec=spec), _without_path)


def _dataset(name: str, data: DataInfo | None) -> str:
    found = _FOLDER.fullmatch(name)
    if found is None or _FOLDER_MASKED.fullmatch(found["path"]):
        return name
    mark = f"-{data.fingerprint[:8].lower()}" if data is not None and data.fingerprint else ""
    kept = f"images{mark}" if _FOLDER_MASKED.fullmatch(f"images{mark}") else "images"
    return f"folder:{kept}{found['side'] or ''}"


def _changed(result: RunResult, text: Callable[[str], str]) -> RunResult:
    """`text` applied to all that is told in free words: the machine, the notes, the failure."""
    return dataclasses.replace(
        result,
        environment=_walk(result.environment, text),
        notes=tuple(_note(note, text) for note in result.notes),
        failure=_note(result.failure, text) if result.failure else None,
    )


def _note(note: Note, text: Callable[[str], str]) -> Note:
    facts = {
        name: text(_shortened(value) if name in _PATH_FACTS else value) if isinstance(value, str) else value
        for name, value in note.facts.items()
    }
    return Note(note.code, facts)


def _walk(value: T, text: Callable[[str], str]) -> T:
    made: Any = value
    if isinstance(value, str):
        made = text(value)
    elif isinstance(value, tuple):
        made = tuple(_walk(item, text) for item in value)
    elif isinstance(value, dict):
        made = {name: _walk(item, text) for name, item in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {
            item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.name != "code"
        }
        made = dataclasses.replace(value, **{name: _walk(item, text) for name, item in held.items()})
    return made  # type: ignore[no-any-return]


def _without_path(text: str) -> str:
    return _PATH.sub(lambda found: _shortened(found[0]), text)


def _shortened(path: str) -> str:
    """The last part of a path, unless it is a person's home."""
    *folders, last = [part for part in re.split(r"[\\/]", path) if part] or [""]
    if not folders and last == path:
        return path
    is_home = bool(folders) and folders[-1].lower() in _HOMES
    return HIDDEN if is_home or last in ("", HIDDEN) else f"{HIDDEN}/{last}"


def _without_names(text: str) -> str:
    names = _own_names()
    return names.sub(HIDDEN, text) if names else text


@functools.cache
def _own_names() -> re.Pattern[str] | None:
    """What this machine and its user are called, as words of their own."""
    host = socket.gethostname()
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without an entry; Windows without a variable
        user = ""
    try:
        home = Path.home().name
    except RuntimeError:
        home = ""
    names = {host, host.partition(".")[0], user, home}
    told = sorted(
        (name for name in names if len(name) >= _LEAST_LETTERS and name.lower() not in _COMMON),
        key=len,
        reverse=True,
    )
    if not told:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, told))})(?![^\W_])", re.IGNORECASE)
