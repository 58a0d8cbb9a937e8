"""Where things are kept: variables first, then the folder beside the code."""

from pathlib import Path

import pytest

from core import paths

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("CROSSOVER_DATA_DIR", "CROSSOVER_RECORDINGS_DIR", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_all_is_beside_the_code():
    assert paths.data_dir() == REPOSITORY / "data"
    assert paths.datasets_dir() == REPOSITORY / "data" / "datasets"
    assert paths.recordings_dir() == REPOSITORY / "recordings"
    assert paths.database_url() == f"sqlite:///{(REPOSITORY / 'data' / 'crossover.sqlite3').as_posix()}"


def test_variables_move_the_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSOVER_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CROSSOVER_RECORDINGS_DIR", "~/recordings")
    assert paths.datasets_dir() == tmp_path / "elsewhere" / "datasets"
    assert paths.recordings_dir() == Path.home() / "recordings"
    assert paths.database_url() == f"sqlite:///{(tmp_path / 'elsewhere' / 'crossover.sqlite3').as_posix()}"


def test_a_relative_folder_is_under_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROSSOVER_DATA_DIR", "here")
    assert paths.data_dir() == tmp_path / "here"


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("CROSSOVER_DATA_DIR", "")
    monkeypatch.setenv("DATABASE_URL", "")
    assert paths.data_dir() == REPOSITORY / "data"
    assert paths.database_url("sqlite:///secret.db") == "sqlite:///secret.db"


def test_the_variable_wins_over_the_secret(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///variable.db")
    assert paths.database_url("sqlite:///secret.db") == "sqlite:///variable.db"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h:5432/d?sslmode=require", "postgresql+psycopg://u:p@h:5432/d?sslmode=require"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_postgres_urls_name_the_driver(given, used):
    assert paths.database_url(given) == used


def test_no_folder_is_made_by_asking(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSOVER_DATA_DIR", str(tmp_path / "new"))
    paths.datasets_dir()
    paths.database_url()
    assert not (tmp_path / "new").exists()
