"""The same engine without a browser: `python -m core --help` lists its commands."""

import sys

from core.cli import main

sys.exit(main(sys.argv[1:]))
