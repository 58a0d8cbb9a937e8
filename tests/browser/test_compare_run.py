"""The way of a visitor through a real run, and what becomes of a run that is cut short."""

from __future__ import annotations

import json
import re
import threading

import psutil
from playwright.sync_api import expect

from core.analysis.speedup import MIN_BLOCKS
from core.messages import sentence
from core.runs import exchange
from core.runs.store import Store
from tests.browser.acting import (
    ENDLESS,
    PATIENCE_MS,
    TINY,
    answer,
    cancel_button,
    charts,
    job_of,
    press_run,
    run_button,
    visit,
    wait_for_measuring,
)
from tests.browser.judging import problems_of, violations

VERDICT = re.compile(r"trains this .*× faster than|No reliable difference|No speed-up is given")


def test_from_the_controls_to_an_answer_and_a_link_that_shows_it_to_others(server, newcomer):
    page = newcomer()
    problems = problems_of(page)
    visit(page, f"{server.url}/?max_seconds=2")
    batch, epochs = (page.get_by_role("slider", name=name) for name in ("Batch size", "Epochs"))
    for size in (128, 256, 512, 1024):
        batch.press("ArrowRight")
        expect(page.get_by_text(f"mlp on digits, batch {size}, 3 epochs")).to_be_visible()
    epochs.press("ArrowLeft")
    expect(page.get_by_text("mlp on digits, batch 1024, 2 epochs")).to_be_visible()
    press_run(page)
    expect(run_button(page)).to_be_disabled()
    wait_for_measuring(page)

    expect(answer(page)).to_have_text(VERDICT, timeout=PATIENCE_MS)
    expect(cancel_button(page)).to_have_count(0)
    expect(charts(page)).to_have_count(6, timeout=PATIENCE_MS)
    assert problems == []
    assert "batch_size=1024" in page.url
    assert "epochs=2" in page.url

    other = visit(newcomer(), page.url)
    expect(answer(other)).to_have_text(answer(page).inner_text(), timeout=PATIENCE_MS)
    expect(other.get_by_role("slider", name="Epochs")).to_have_value("2")
    expect(other.get_by_text("mlp on digits, batch 1024, 2 epochs").first).to_be_visible()
    expect(charts(other)).to_have_count(6, timeout=PATIENCE_MS)

    other.get_by_text("Take it away").click()
    with other.expect_download() as download:
        other.get_by_role("button", name="Download the records (JSON)").click()
    runs = exchange.read_document(json.loads(download.value.path().read_text()))
    assert [run.job_id for run in runs] == [job_of(page)] * 2
    assert all(run.spec.workload.batch_size == 1024 and run.blocks for run in runs)


def test_a_second_visitor_waits_until_the_first_cancels_and_keeps_a_part(server, newcomer):
    page = visit(newcomer(), server.url + ENDLESS)
    press_run(page)
    wait_for_measuring(page)

    assert violations(page) == [], "the live panel"

    second = visit(newcomer(), server.url + TINY)
    press_run(second)
    expect(second.get_by_text("Waiting: 1 measurement is ahead of yours")).to_be_visible(timeout=PATIENCE_MS)

    cancel_button(page).click()
    expect(page.get_by_text(sentence("partial_run")).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stCaptionContainer").get_by_text("cancelled").first).to_be_visible()
    expect(answer(page)).to_have_text(VERDICT)

    expect(answer(second)).to_have_text(VERDICT, timeout=PATIENCE_MS)
    expect(second.get_by_text("Waiting:")).to_have_count(0)


def test_a_worker_that_is_killed_is_told_and_the_next_run_works(server, newcomer):
    page = visit(newcomer(), server.url + ENDLESS)
    press_run(page)
    wait_for_measuring(page)
    server.worker().kill()
    expect(page.get_by_text(sentence("worker_killed")).first).to_be_visible(timeout=PATIENCE_MS)
    expect(cancel_button(page)).to_have_count(0)

    visit(page, server.url + TINY)
    press_run(page)
    expect(answer(page)).to_have_text(VERDICT, timeout=PATIENCE_MS)
    expect(page.get_by_text(sentence("worker_killed"))).to_have_count(0)


def test_a_server_that_is_killed_leaves_no_worker_and_says_so_when_it_is_back(start_server, newcomer):
    server = start_server()
    page = visit(newcomer(), server.url + ENDLESS)
    press_run(page)
    wait_for_measuring(page)
    link, worker = page.url, server.worker()
    wait_for_a_stored_part(server.database, job_of(page))

    server.kill()
    assert_ended(worker)
    server.start()

    other = visit(newcomer(), link)
    for visitor in (other, page):  # a new one, and the tab that was open all the time
        expect(visitor.get_by_text(sentence("server_stopped")).first).to_be_visible(timeout=PATIENCE_MS)
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
