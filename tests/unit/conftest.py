"""The databases that the tests of the store run on, each on SQLite and on PostgreSQL; Hypothesis unhurried."""

from __future__ import annotations

import hypothesis
import pytest

from core.runs.store import Store
from tests.databases import BACKENDS, postgresql

__all__ = ["postgresql"]

# Neither a test nor the making of its input is too slow because the machine is busy.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'made' / 'here' / 'crossover.sqlite3'}"


@pytest.fixture(params=BACKENDS)
def any_url(request):
    """A new database: of SQLite, then of PostgreSQL."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    return request.getfixturevalue("postgresql").new_url()


@pytest.fixture
def sqlite_store(sqlite_url):
    opened = Store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def any_store(any_url):
    opened = Store(any_url)
    yield opened
    opened.close()
