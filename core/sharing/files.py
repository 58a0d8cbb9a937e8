"""Text to a file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from core.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as it is, over what was there. Raises InputError("file_not_written")."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder: a rename is atomic there only
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, ValueError) as error:
        problem = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError("file_not_written", name=path.name, problem=problem) from error
    finally:
        with contextlib.suppress(OSError):  # gone after the rename, or never made
            part.unlink()
