"""Where a command is to write: looked at before it works for minutes, and not after."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from core.errors import InputError


def refuse_unwritable(file: Path | None) -> None:
    """Raises InputError (folder_missing_out, file_not_written) for a file that can't be written there."""
    if file is None:
        return
    folder = file.absolute().parent
    refuse_unwritable_folder(folder)
    if file.is_dir():
        raise InputError("file_not_written", name=file.name, problem=os.strerror(errno.EISDIR))


def refuse_unwritable_folder(folder: Path) -> None:
    """Raises InputError (folder_missing_out, file_not_written)."""
    if not folder.is_dir():
        raise InputError("folder_missing_out", path=str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("file_not_written", name=folder.name, problem=os.strerror(errno.EACCES))
