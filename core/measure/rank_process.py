"""One data-parallel worker's process: it hears its calls from its first moment on, and ends with its parent.

It knows nothing of training, and loads torch only when it listens already.
"""

from __future__ import annotations

import os
import pickle
import queue
import shutil
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

Calls = queue.Queue[tuple[str, tuple[Any, ...]]]


def serve(descriptor: int, folder: str) -> None:
    """Answer calls that come over an inherited connection until its other end is closed."""
    os.dup2(2, 1)  # the measuring process's standard output is for its events
    line, calls = Connection(descriptor), Calls()
    threading.Thread(target=_listen, args=(line, calls, folder), daemon=True).start()
    # torch, seconds on a busy machine: whoever cancels meanwhile wants the cores back
    from core.measure.ranks import answer

    answer(line, calls, folder)


def _listen(line: Connection, calls: Calls, folder: str) -> None:
    """In a thread of its own: the measuring process may be gone while this one waits for the others."""
    try:
        while True:
            calls.put(pickle.loads(line.recv_bytes()))  # noqa: S301 - from our own parent
    except (EOFError, OSError):
        shutil.rmtree(folder, ignore_errors=True)  # whoever made it may be gone without a word
        os._exit(3)
    except (MemoryError, RuntimeError):  # by what was sent: without its listener it would wait for ever
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(4)
