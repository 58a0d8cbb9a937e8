"""What every test stands on: a data folder of its own, no database of anybody's, one language."""

from __future__ import annotations

import contextlib
from importlib.util import find_spec

import pytest

with contextlib.suppress(ImportError):  # a rented machine may lack it
    import setuptools  # noqa: F401 - for torch.compile, before anything can import the old distutils


def pytest_addoption(parser):
    """On a machine where nothing can be installed tests run without pytest-timeout, whose option this is."""
    if find_spec("pytest_timeout") is None:
        parser.addini("timeout", "seconds that a test may take")


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory):
    """One data folder for the session, so that prepared data is shared and a person's never touched."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "CROSSOVER_RECORDINGS_DIR", "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
            patch.delenv(name, raising=False)
        patch.setenv("CROSSOVER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.setenv("LANG", "C")
        yield
