"""The Compare page as it stands in a browser: no errors, nothing sideways on a phone, accessible to all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from core.records import JobSpec
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.browser.acting import answer, charts
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations
from tests.builders import make_gpu_result, make_result

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 720}


@pytest.fixture(scope="module")
def link(server):
    """A stored comparison with everything in it."""
    pair = (make_result(), make_gpu_result())
    store = Store(server.database)
    spec = JobSpec(pair[0].spec.workload, tuple(run.spec.setup for run in pair))
    store.add_job("job-1", spec, pair[0].created_at, "elsewhere:1:1")
    Keeper(store).results(pair)
    store.set_job_state("job-1", "finished")
    store.close()
    return f"{server.url}/?job=job-1"


def open_everything(page, link):
    page.goto(link)
    expect(answer(page)).to_be_visible()
    expect(charts(page)).to_have_count(6)
    for fold in page.get_by_test_id("stMain").locator("details:not([open]) > summary").all()[::-1]:
        fold.click()  # from the last up: one that opens moves those below it
    expect(charts(page)).to_have_count(8)
    settled(page)


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_results_fit_a_phone_without_errors_and_anyone_can_use_them(newcomer, link, scheme, locale):
    page = newcomer(color_scheme=scheme, locale=locale, viewport=PHONE)
    problems = problems_of(page)
    open_everything(page, link)
    assert too_wide(page) == []
    page.set_viewport_size(DESK)
    expect(page.get_by_role("slider").first).to_be_visible()  # beside it the controls, which a phone hides
    settled(page)
    assert violations(page) == []
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_look_is_accessible(newcomer, server, scheme):
    page = newcomer(color_scheme=scheme)
    problems = problems_of(page)
    page.goto(f"{server.url}/?seed=12345")
    expect(page.get_by_text("Nothing has been measured")).to_be_visible()
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Learning rate")).to_be_visible()
    settled(page)
    assert violations(page) == []
    assert problems == []


@pytest.mark.parametrize("name", ["job", "dataset"])
def test_a_made_up_link_makes_no_browser_fetch_anything_from_elsewhere(newcomer, server, name):
    page = newcomer()
    problems = problems_of(page)
    mark = "![](https://other.test/x.png)"
    page.goto(f"{server.url}/?{name}={'folder:' if name == 'dataset' else ''}{mark}")
    # shown as it is, but for the invisible character that keeps an address from becoming a link
    told = re.compile(re.escape(mark).replace("https", "https\N{WORD JOINER}?"))
    expect(page.get_by_text(told).first).to_be_visible()
    settled(page)
    assert problems == []
