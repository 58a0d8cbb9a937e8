"""The Decide page where strangers come: what one of them imports or enters is that one's alone."""

from __future__ import annotations

import json

import pytest
import streamlit as st

from core.records import Setup
from core.runs.files import exchange
from core.runs.files.prices import MOST_OFFERS
from core.runs.queue.keeping import Keeper
from pages._shared import resources
from tests.pages.reading import errors, read, texts
from tests.sweeps import make_grid

_PAGE = "pages/decide.py"
_GPU = "NVIDIA Test GPU"


@pytest.fixture
def public(monkeypatch, dashboard):
    """A public server that measured its CPU."""
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    st.cache_resource.clear()
    Keeper(dashboard.store).results(make_grid(2e-3, 4e-4))
    return dashboard


def _imported(visitor):
    """A GPU's runs, brought by this visitor on the Results page."""
    runs = make_grid(1e-3, 4e-6, Setup("cuda:0"))
    document = exchange.document(runs, created_at="2026-11-28T10:00:00+00:00")
    visitor.switch_page("pages/results.py")
    visitor.session_state["adding"] = True
    visitor.run()
    content = json.dumps(document).encode()
    visitor.get("file_uploader")[0].set_value([("mine.json", content, "application/json")]).run()
    visitor.button(key="results_add").click().run()
    return visitor.switch_page(_PAGE).run()


def test_imports_and_prices_are_seen_by_their_visitor_alone(public):
    assert resources.hosting().public
    visitor = _imported(public.visit(page=_PAGE))
    assert not visitor.exception
    assert "GPU Test GPU · imported" in read(visitor.header[0])
    visitor.number_input(key=f"decide_price_{visitor.session_state['decide_round']}_per_kwh_all").set_value(9.0)
    visitor.run()
    assert visitor.session_state["decide_table"].conditions.per_kwh == 9
    other = public.visit(page=_PAGE)
    assert not other.exception
    assert "GPU Test GPU" not in texts(other)
    assert other.session_state["decide_table"].conditions.per_kwh == 0.3
    assert public.store.count() == 10, "the import isn't stored"


def test_a_file_of_prices_cannot_ask_for_more_than_can_be_shown(public):
    visitor = public.visit(page=_PAGE)
    table = visitor.session_state["decide_table"]
    device = table.terms[0].device
    many = [{"device": device, "way": "own", "name": f"{i}"} for i in range(MOST_OFFERS + 1)]
    document = {"schema_version": 2, "conditions": {}, "terms": many}
    uploader = visitor.get("file_uploader")[0]
    uploader.set_value(("prices.json", json.dumps(document).encode(), "application/json")).run()
    assert not visitor.exception
    assert f"More than {MOST_OFFERS} offers" in errors(visitor)[0]
    assert visitor.session_state["decide_table"] == table
