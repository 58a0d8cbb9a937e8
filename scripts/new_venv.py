"""Build the virtual environment, or say what this Python lacks. Must be readable by old Pythons too."""

import os
import sys

VERSION = "%d.%d" % sys.version_info[:2]  # noqa: UP031 - an f-string is a syntax error to the oldest

if sys.version_info < (3, 11):  # noqa: UP036 - the check is the point
    sys.exit(
        "This needs Python 3.11 or newer; %s is %s.\n"  # noqa: UP031
        "Name another one, for example: PYTHON=python3.12 make run" % (sys.executable, VERSION)
    )

try:
    import ensurepip  # noqa: F401 - Debian packs it apart from Python; venv would fail halfway
    import venv
except ImportError as error:
    sys.exit(
        "%s has no module %r, which builds virtual environments.\n"  # noqa: UP031
        "On Debian and Ubuntu: sudo apt-get install python%s-venv" % (sys.executable, error.name, VERSION)
    )

venv.create(sys.argv[1], clear=True, with_pip=True, symlinks=os.name != "nt")
