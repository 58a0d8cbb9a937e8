"""The Results page where strangers come: they change only what is theirs, and import for themselves."""

from __future__ import annotations

import json

import pytest
import streamlit as st

from core.runs.files import exchange
from pages._results import managing
from tests.builders import make_result
from tests.pages.reading import texts

PAGE = "pages/results.py"


@pytest.fixture
def public(monkeypatch, dashboard):
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    st.cache_resource.clear()
    return dashboard


def listed(visitor):
    assert not visitor.exception
    return [element.key.removeprefix("pick-") for element in visitor.checkbox]


def test_what_others_measured_can_be_seen_but_neither_named_nor_deleted(public, pair):
    public.keep(*pair)
    visitor = public.visit(page=PAGE)
    visitor.checkbox(key="pick-run-cpu").check().run()
    keys = {button.key for button in visitor.button}
    assert "results_compare" in keys
    assert "results_delete" not in keys
    assert not [element for element in visitor.text_input if element.key == "name-run-cpu"]


def test_deleting_is_refused_also_where_no_widget_asks(public, pair, monkeypatch):
    public.keep(*pair)
    monkeypatch.setattr(managing.visitor, "may_change", lambda owner: owner == "me")
    monkeypatch.setattr(managing.st, "session_state", {})
    managing._delete(["run-cpu"])
    assert public.store.run("run-cpu") is not None
    assert managing.st.session_state == {"results_deleted": [], "results_picked": []}


def test_an_import_is_seen_by_its_visitor_alone_and_never_stored(public):
    document = exchange.document([make_result()], created_at="2026-11-28T10:00:00+00:00")
    visitor = public.visit(page=PAGE)
    visitor.session_state["adding"] = True
    visitor.run()
    content = json.dumps(document).encode()
    visitor.get("file_uploader")[0].set_value([("mine.json", content, "application/json")]).run()
    assert "only you see what you add here" in texts(visitor)
    visitor.button(key="results_add").click().run()
    assert listed(visitor) == ["run-cpu"]
    assert public.store.count() == 0
    assert listed(public.visit(page=PAGE)) == []
