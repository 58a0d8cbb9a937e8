"""Where data, recordings and the database are. It names places and creates none."""

from __future__ import annotations

import os
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parent.parent
_POSTGRES = ("postgres://", "postgresql://")


def data_dir() -> Path:
    """The folder that holds what this installation stores: CROSSOVER_DATA_DIR, else data/ beside the code."""
    return _folder("CROSSOVER_DATA_DIR", "data")


def datasets_dir() -> Path:
    """The folder of downloaded image datasets."""
    return data_dir() / "datasets"


def recordings_dir() -> Path:
    """The folder of shipped recordings: CROSSOVER_RECORDINGS_DIR, else recordings/ beside the code."""
    return _folder("CROSSOVER_RECORDINGS_DIR", "recordings")


def database_url(secret: str | None = None) -> str:
    """The database's SQLAlchemy URL: DATABASE_URL, else `secret`, else a SQLite file in data_dir()."""
    url = os.environ.get("DATABASE_URL") or secret
    if not url:
        return f"sqlite:///{(data_dir() / 'crossover.sqlite3').as_posix()}"
    for scheme in _POSTGRES:  # as hosts hand them out; SQLAlchemy would look for another driver
        if url.startswith(scheme):
            return f"postgresql+psycopg://{url.removeprefix(scheme)}"
    return url


def _folder(variable: str, name: str) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else _REPOSITORY / name
