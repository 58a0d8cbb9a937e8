"""The dependency audit: every pin is asked about, and a database out of reach is no clean bill."""

from __future__ import annotations

import urllib.error
from email.message import Message

import pytest

from scripts import audit


def test_every_pin_is_audited():
    found = audit.pins()
    names = {pin.split("==")[0] for pin in found}
    assert {"streamlit", "torch", "psycopg", "SQLAlchemy", "altair", "pip-audit"} <= names
    assert all(pin.count("==") == 1 and "[" not in pin and "#" not in pin for pin in found)


@pytest.mark.parametrize(("arguments", "code"), [(["--if-reachable"], 0), ([], 1)])
def test_a_database_out_of_reach_is_told(monkeypatch, capsys, arguments, code):
    def refused(*_arguments, **_options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(audit.urllib.request, "urlopen", refused)
    monkeypatch.setattr(audit.sys, "argv", ["audit", *arguments])
    assert audit.main() == code
    assert "not audited" in capsys.readouterr().out


def test_what_pip_audit_finds_is_the_exit_code(monkeypatch):
    def answered(*_arguments, **_options):
        raise urllib.error.HTTPError("", 404, "", Message(), None)  # an answer all the same

    asked = []

    class Found:
        returncode = 1

    monkeypatch.setattr(audit.urllib.request, "urlopen", answered)
    monkeypatch.setattr(audit.subprocess, "run", lambda command: asked.append(command) or Found())
    assert audit.main() == 1
    assert "pip_audit" in asked[0]
