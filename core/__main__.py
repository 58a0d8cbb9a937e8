"""The same engine without a browser: `python -m core devices | run | compare | record | selfcheck`."""

import sys

from core.cli import main

sys.exit(main(sys.argv[1:]))
