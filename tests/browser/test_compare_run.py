"""The way of a visitor through a real run, and what becomes of a run that is cut short."""

from __future__ import annotations

import threading

import psutil
from playwright.sync_api import expect

from core.analysis.speedup import MIN_BLOCKS
from core.messages import sentence
from core.runs.store import Store
from tests.browser.acting import (
    ENDLESS,
    VERDICT,
    answer,
    cancel_button,
    job_of,
    press_run,
    run_button,
    visit,
    wait_for_measuring,
)
from tests.browser.conftest import settled
from tests.browser.judging import violations


def test_from_the_controls_to_an_answer(walked):
    assert walked.problems == []
    assert "batch_size=1024" in walked.link
    assert "epochs=2" in walked.link


def test_runs_that_are_cancelled_or_lose_their_worker_or_their_server(server, newcomer):
    """One after the other on one server, for each begins with the worker that the one before has left."""
    first = visit(newcomer(), server.url + ENDLESS)
    press_run(first)
    expect(run_button(first)).to_be_disabled()
    wait_for_measuring(first)
    assert violations(first) == [], "the live panel"
    second = visit(newcomer(), server.url + ENDLESS)
    press_run(second)
    expect(second.get_by_text("Waiting: 1 measurement is ahead of yours")).to_be_visible()

    wait_for_a_stored_part(server.database, job_of(first.url))
    cancel_button(first).click()
    expect(first.get_by_test_id("stCaptionContainer").get_by_text("cancelled").first).to_be_visible()
    expect(answer(first)).to_have_text(VERDICT)
    settled(first)
    doubt = first.get_by_text(sentence("partial_run")).first
    if not doubt.is_visible():  # the badge is open where the few blocks are doubtful, as they mostly are
        first.locator("summary").filter(has_text="Quality:").click()
    expect(doubt).to_be_visible()

    wait_for_measuring(second)  # its turn has come
    expect(second.get_by_text("Waiting:")).to_have_count(0)
    server.worker().kill()
    expect(second.get_by_text(sentence("worker_killed")).first).to_be_visible()
    expect(cancel_button(second)).to_have_count(0)

    press_run(second)
    wait_for_measuring(second)  # the next run works
    expect(second.get_by_text(sentence("worker_killed"))).to_have_count(0)
    link, worker = second.url, server.worker()
    wait_for_a_stored_part(server.database, job_of(link))
    server.kill()
    assert_ended(worker)
    server.start()

    other = visit(newcomer(), link)
    for visitor in (other, second):  # a new one, and the tab that was open all the time
        expect(visitor.get_by_text(sentence("server_stopped")).first).to_be_visible()
        expect(answer(visitor)).to_have_text(VERDICT)
        expect(visitor.get_by_test_id("stCaptionContainer").get_by_text("interrupted").first).to_be_visible()
        expect(visitor.get_by_test_id("stException")).to_have_count(0)
        expect(visitor.get_by_text("Page not found")).to_have_count(0)
        expect(run_button(visitor)).to_be_enabled()


def wait_for_a_stored_part(database, job_id):
    """Until what is stored of both runs is enough for a verdict."""
    store, pause = Store(database), threading.Event()
    while len([run for run in store.runs_of_job(job_id) if len(run.blocks) >= MIN_BLOCKS]) < 2:
        pause.wait(0.1)
    store.close()


def assert_ended(process):
    """Gone, or a zombie that nobody has asked for yet."""
    try:
        process.wait(timeout=30)
    except psutil.TimeoutExpired:
        assert process.status() == psutil.STATUS_ZOMBIE
