"""The Optimise page as it stands in a browser: its link, its width on a phone, and who can use it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core.records import JobSpec
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.browser.acting import charts
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations
from tests.ladders import make_climb

PHONE = {"width": 390, "height": 844}
_PROBING = "/optimise/_stcore/"  # Streamlit asks below the page's path first, and then at the top


@pytest.fixture(scope="module")
def fresh(start_server):
    """A server that nobody has asked for a page yet, with the ladders of two devices."""
    server = start_server()
    store = Store(server.database)
    for climb in (make_climb(), make_climb("cuda:0")):
        spec = JobSpec(climb[0].spec.workload, tuple(run.spec.setup for run in climb))
        store.add_job(climb[0].job_id, spec, climb[0].created_at, "elsewhere:1:1")
        Keeper(store).results(climb)
        store.set_job_state(climb[0].job_id, "finished")
    store.close()
    return server


def _opened(page, server):
    page.goto(f"{server.url}/optimise")
    expect(page.get_by_role("heading", name="Each at its best")).to_be_visible()
    expect(charts(page)).to_have_count(4)
    settled(page)


def test_a_link_opens_the_page_on_a_server_that_has_just_started(newcomer, fresh):
    page = newcomer()
    page.goto(f"{fresh.url}/optimise?batch_size=256")
    expect(page.get_by_role("heading", name="How fast can each device get")).to_be_visible()
    settled(page)
    assert page.url == f"{fresh.url}/optimise?batch_size=256"
    expect(page.get_by_text("does not seem to exist")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_and_anyone_can_use_it(newcomer, fresh, scheme):
    page = newcomer(color_scheme=scheme, viewport=PHONE)
    problems = problems_of(page)
    _opened(page, fresh)
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert len(edges) == 2
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []
    assert [text for text in problems if _PROBING not in text and "(Not Found)" not in text] == []
