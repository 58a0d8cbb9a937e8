"""The container files as far as they can be checked without an engine: what they promise, and what is there."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from core import hosting, paths

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "Dockerfile",
        ".dockerignore",
        "compose.yaml",
        "hosting/community-cloud/requirements.txt",
        "hosting/community-cloud/secrets.example.toml",
        "hosting/docker-space/README.md",
    )
}


def instructions():
    """Of the Dockerfile: name and rest, continued lines joined."""
    lines = [line for line in TEXTS["Dockerfile"].splitlines() if not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def of(name):
    return [rest for found, rest in instructions() if found == name]


def pins(text):
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {line.replace("+cpu", "") for line in lines if "==" in line}


def test_the_image_is_built_from_named_releases():
    assert {rest.split()[0] for rest in of("FROM")} == {"python:3.12-slim"}
    assert re.findall(r"image: (\S+)", TEXTS["compose.yaml"]) == ["postgres:17-bookworm"]


def test_everything_that_is_copied_is_there_and_let_in():
    let_in = {line[1:] for line in TEXTS[".dockerignore"].splitlines() if line.startswith("!")}
    copied = [words[:-1] for rest in of("COPY") if "--from" not in rest and (words := shlex.split(rest))]
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
        assert name in let_in
    assert "*" in TEXTS[".dockerignore"].splitlines()
    assert not {".git", "data", ".streamlit/secrets.toml", ".env", "tests"} & let_in


def test_it_doesnt_run_as_root():
    order = [name for name, _ in instructions()]
    assert of("USER") == ["1000"]
    assert order.index("USER") > max(place for place, name in enumerate(order) if name in ("RUN", "COPY"))
    assert "--uid 1000" in of("RUN")[-1]
    assert of("VOLUME") == ["/data"]
    assert "CROSSOVER_DATA_DIR=/data" in of("ENV")[-1]


def test_it_has_no_compilers():
    assert not re.search(r"\b(apt|apt-get|gcc|g\+\+|build-essential)\b", TEXTS["Dockerfile"])


def test_it_starts_the_server_itself_and_asks_it_for_its_health():
    assert of("CMD") == ['["python", "-m", "streamlit", "run", "dashboard.py"]']
    assert "/_stcore/health" in of("HEALTHCHECK")[0]
    (code,) = re.findall(r'"-c", "(.+)"\]', of("HEALTHCHECK")[0])
    compile(code, "HEALTHCHECK", "exec")
    assert "STREAMLIT_SERVER_ADDRESS=0.0.0.0" in of("ENV")[-1]
    assert of("EXPOSE") == ["8501"]


def test_the_build_of_torch_is_chosen_by_whoever_builds():
    assert of("ARG") == ["TORCH_INDEX"]
    assert "TORCH_INDEX: ${TORCH_INDEX:-}" in TEXTS["compose.yaml"]
    assert 'PIP_EXTRA_INDEX_URL="$TORCH_INDEX"' in of("RUN")[1]


def test_the_database_has_no_password_but_ones_own():
    text = TEXTS["compose.yaml"]
    passwords = re.findall(r"\$\{POSTGRES_PASSWORD[^}]*\}", text)
    assert len(passwords) == 2
    assert all(":?" in found for found in passwords), "without one it doesn't start"
    assert "condition: service_healthy" in text
    assert "pg_isready" in text


def test_nothing_is_offered_to_the_network_unasked():
    text = TEXTS["compose.yaml"]
    assert re.findall(r'- "([\d.:]+)"', text) == ["127.0.0.1:8501:8501"]
    assert "${CROSSOVER_PUBLIC:-0}" in text


def test_compose_passes_every_variable_of_the_hosting_on(monkeypatch):
    for name in hosting.VARIABLES:
        assert f"{name}: ${{{name}:-" in TEXTS["compose.yaml"]
    defaults = re.findall(r"(CROSSOVER_\w+): \$\{\w+:-(\w*)\}", TEXTS["compose.yaml"])
    assert hosting.from_environment(dict(defaults)) == hosting.Hosting()
    (url,) = re.findall(r"DATABASE_URL: (\S+)\$\{.*\}(\S+)", TEXTS["compose.yaml"])
    monkeypatch.setenv("DATABASE_URL", f"{url[0]}0123abc{url[1]}")
    assert paths.database_url() == "postgresql+psycopg://crossover:0123abc@database:5432/crossover"


def test_the_community_clouds_pins_are_the_tested_ones():
    theirs = TEXTS["hosting/community-cloud/requirements.txt"]
    assert pins(theirs) == pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert "--extra-index-url" in theirs
    assert {"torch==2.13.0+cpu"} <= {line.split("#")[0].strip() for line in theirs.splitlines()}


def test_the_example_of_secrets_is_a_public_server():
    found = tomllib.loads(TEXTS["hosting/community-cloud/secrets.example.toml"])
    url = found.pop("DATABASE_URL")
    assert url.startswith("postgresql://USER:PASSWORD@")
    assert set(found) == set(hosting.VARIABLES)
    assert hosting.from_environment(found) == hosting.Hosting(True, None, 30, True)


@pytest.mark.parametrize("line", ["sdk: docker", "app_port: 8501"])
def test_the_space_knows_how_to_start(line):
    front = TEXTS["hosting/docker-space/README.md"].split("---")[1]
    assert line in front.splitlines()
