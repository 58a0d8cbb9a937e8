"""The same engine without a browser: `python -m core --help` lists its commands."""

import os
import sys

_CANCELLED = 130
_READER_GONE = 1  # not 0: nobody knows whether all of it was wanted

try:
    try:
        from core.cli import main  # here, as it takes long enough for somebody to change their mind

        code = main(sys.argv[1:])
    finally:
        sys.stdout.flush()
except BrokenPipeError:  # `... | head` has had enough; Python flushes once more at its end, into nothing
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    code = _READER_GONE
except KeyboardInterrupt:
    code = _CANCELLED
sys.exit(code)
