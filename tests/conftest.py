"""What every test stands on: a data folder of its own, no database of anybody's, one language."""

from __future__ import annotations

import atexit
import shutil
import tempfile

import pytest
import setuptools  # noqa: F401 - for torch.compile, before anything can import the old distutils


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory):
    """One data folder for the session, so that prepared data is shared and a person's never touched.

    And one for what is temporary, of which the machine's lock is a part: two sessions side by side would wait
    for each other's measurements, whose numbers are nobody's here. Its name is short, as a socket's has to be.
    """
    data = tmp_path_factory.mktemp("data")
    folder = tempfile.mkdtemp(prefix="cx-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # other sessions' fixtures still tidy up in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        for name in ("DATABASE_URL", "CROSSOVER_RECORDINGS_DIR", "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
            patch.delenv(name, raising=False)
        patch.setenv("CROSSOVER_DATA_DIR", str(data))
        patch.setenv("LANG", "C")
        yield
