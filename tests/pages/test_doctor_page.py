"""The Doctor page: what it shows while it looks, when it has found something, and when it couldn't look."""

from __future__ import annotations

import functools
import threading

import pytest

from core import messages
from core.errors import MeasurementError
from core.hardware.doctor.facts import Finding, Remedy
from core.messages import doctor as words
from core.messages import sentence
from core.records import Note
from core.runs.checkup import Checkup, Examination
from core.runs.files import masking
from pages._shared import language, resources
from tests.doctored import (
    UUID,
    make_check,
    make_cuda_torch,
    make_driver,
    make_facts,
    make_gpu_facts,
    make_torch,
)
from tests.pages.reading import errors, has_chinese, read, texts

_PAGE = "pages/doctor.py"
_MEND = Finding(
    "invented",
    "error",
    {"version": "2.13.0+cpu"},
    Remedy(("pip uninstall torch", "pip install torch"), 'python -c "import torch"'),
)
_TELL = Finding("invented", "info", {"version": "<b>*2*"})


class Doctor:
    """Scripted examinations: the last facts given are found, once they may be."""

    def __init__(self):
        self.facts, self.findings, self.problem, self.now, self.count = make_facts(), (), None, 1000.0, 0
        self.may_end, self.begun = threading.Event(), threading.Event()
        self.may_end.set()

    def examine(self, tell):
        tell(Note("doctor_waiting"))
        self.count += 1
        self.begun.set()
        assert self.may_end.wait(60)
        if self.problem is not None:
            raise self.problem
        return Examination("2026-11-29T10:11:12+00:00", self.facts, self.findings)

    def finish(self):
        self.may_end.set()
        for thread in threading.enumerate():
            if thread.name == "doctor":
                thread.join(60)


@pytest.fixture(autouse=True)
def _a_finding_with_words(monkeypatch):
    monkeypatch.setitem(messages.ALL, "invented", "torch {version} is for the CPU.")
    monkeypatch.setitem(words.MEANS, "invented", "No GPU can be used.")
    monkeypatch.setitem(words.MEND, "invented", "Install another build.")


@pytest.fixture
def doctor(monkeypatch):
    script = Doctor()
    starting = functools.partial(Checkup, script.examine, lambda: script.now)
    monkeypatch.setattr(resources, "Checkup", starting)
    yield script
    script.finish()


@pytest.fixture
def visit(dashboard, doctor):
    """A visitor of the page, once the examination that is there has come to its end."""

    def visited(facts=None, *findings, locale="en-US", **parameters):
        doctor.facts, doctor.findings = facts or make_facts(), findings
        resources.checkup().start()
        doctor.finish()
        return dashboard.visit(locale, _PAGE, **parameters)

    return visited


def header(visitor):
    [found] = visitor.header
    return read(found)


def again(visitor):
    return visitor.button(key="doctor_again")


# --- while it looks


def test_the_first_visit_begins_the_examination_and_says_what_it_does(dashboard, doctor):
    doctor.may_end.clear()
    visitor = dashboard.visit(page=_PAGE)
    assert not visitor.exception
    assert visitor.title[0].value == "Can training use the GPU here?"
    assert header(visitor) == "Examining this machine …"
    assert again(visitor).disabled
    assert doctor.begun.wait(60)
    assert sentence("doctor_waiting") in texts(visitor.run())
    doctor.finish()
    assert header(visitor.run()).startswith("This machine has no NVIDIA GPU")
    assert not again(visitor).disabled
    assert sentence("doctor_waiting") not in texts(visitor)


def test_what_takes_long_says_for_how_long(dashboard, doctor):
    doctor.may_end.clear()
    visitor = dashboard.visit(page=_PAGE)
    assert doctor.begun.wait(60)
    assert "so far" not in texts(visitor.run())
    doctor.now += 41
    assert f"{sentence('doctor_waiting')} For 41 s so far." in texts(visitor.run())


def test_a_second_visitor_gets_the_same_examination(visit, dashboard, doctor):
    visit()
    assert header(dashboard.visit(page=_PAGE)).startswith("This machine has no NVIDIA GPU")
    assert doctor.count == 1


def test_checking_again_keeps_the_last_answer_until_the_next_is_there(visit, doctor):
    visitor = visit()
    doctor.now += 61
    doctor.facts = make_gpu_facts()
    doctor.may_end.clear()
    again(visitor).click().run()
    assert again(visitor).disabled
    assert header(visitor).startswith("This machine has no NVIDIA GPU")
    doctor.finish()
    assert header(visitor.run()).startswith("Training can use the GPU here: NVIDIA H200")


def test_checking_again_too_soon_is_refused_with_the_time_left(visit, doctor):
    visitor = visit()
    doctor.now += 18
    again(visitor).click().run()
    assert errors(visitor) == ["This machine was examined a moment ago. It can be examined again in 42 s."]
    assert doctor.count == 1
    assert header(visitor)


def test_an_examination_that_failed_says_why(visit, doctor):
    doctor.problem = MeasurementError("lock_failed", problem="disk full")
    visitor = visit()
    assert not visitor.exception
    assert "disk full" in errors(visitor)[0]
    assert not again(visitor).disabled
    assert len(visitor.header) == 0


def test_a_later_one_that_failed_leaves_the_last_answer(visit, doctor):
    visitor = visit()
    doctor.problem, doctor.now = RuntimeError("gone"), doctor.now + 61
    again(visitor).click().run()
    doctor.finish()
    visitor.run()
    assert errors(visitor) == ["The examination broke off: RuntimeError: gone."]
    assert header(visitor).startswith("This machine has no NVIDIA GPU")


# --- what it found


def test_without_a_gpu_its_steps_arent_needed(visit):
    visitor = visit()
    assert not visitor.exception
    assert header(visitor) == "This machine has no NVIDIA GPU; training runs on the CPU. Nothing to mend."
    shown = texts(visitor)
    assert shown.count("not needed here") == 4
    assert shown.count("check_circle") == shown.count("— done")
    assert "Examined 2026-11-29 10:11 (UTC)" in shown


def test_what_is_to_mend_has_its_commands_to_copy(visit):
    facts = make_gpu_facts(torch=make_torch(), checks=(make_check("cpu"),))
    visitor = visit(facts, _MEND, _TELL)
    assert header(visitor) == "There is a GPU here, but training can't use it. One thing to mend."
    shown = texts(visitor)
    assert "**Error** · **torch 2.13.0+cpu is for the CPU.**" in shown
    assert "No GPU can be used." in shown
    assert "Install another build." in shown
    assert [code.value for code in visitor.code[:2]] == [
        "pip uninstall torch\npip install torch",
        'python -c "import torch"',
    ]
    assert "Driver 580.65.06 answers and serves CUDA up to 13.0." in shown
    assert "**For your information** · **torch <b>*2* is for the CPU.**" in shown


def test_text_from_elsewhere_is_text(visit):
    torch = make_cuda_torch(problem="<img src=x> **bold** [a](https://example.org)\n# head")
    visitor = visit(make_gpu_facts(torch=torch), _TELL)
    drawn = "\n".join(element.value for element in visitor.markdown)
    assert "torch \\<b\\>\\*2\\*" in drawn
    assert "\\<img src=x\\> \\*\\*bold\\*\\* \\[a\\](https\u2060://example.org) # head" in drawn


def test_a_product_says_how_long_it_took_and_how_near_it_came(visit):
    failed = make_check("cuda:1", Note("lock_failed", {"problem": "bus"}))
    shown = texts(visit(make_gpu_facts(checks=(make_check("cpu"), make_check(), failed))))
    assert "| cuda:0: NVIDIA H200 | 2\u00a0ms | agrees with the CPU's to 6 digits |" in shown
    [row] = [line for line in shown.splitlines() if line.startswith("| cuda:1")]
    assert "| – |" in row
    assert "bus" in row


def test_the_report_can_be_copied_and_saved(visit):
    visitor = visit(make_gpu_facts())
    report = visitor.code[-1].value
    assert report.startswith("**Training can use the GPU here: NVIDIA H200. Nothing to mend.**")
    assert UUID not in report
    assert UUID[:8] in report
    [button] = visitor.get("download_button")
    assert button.proto.label == "Download the report (Markdown)"


# --- who reads it


def test_it_is_told_in_chinese(visit):
    english, chinese = visit(make_gpu_facts()), visit(make_gpu_facts(), locale="zh-CN")
    assert not chinese.exception
    assert has_chinese(chinese.title[0].value)
    assert len(chinese.markdown) == len(english.markdown)


def test_every_text_is_translated(visit, monkeypatch):
    monkeypatch.setattr(language, "current", lambda: lambda text: f"¤{text}")
    visitor = visit(make_gpu_facts(driver=make_driver(cuda=None)), _MEND)
    assert not visitor.exception
    shown = [visitor.title[0].value, header(visitor), again(visitor).label]
    shown += [item.value for item in (*visitor.subheader, *visitor.caption, *visitor.markdown)]
    shown += [item.label for item in visitor.expander]
    assert [text for text in shown if "¤" not in text] == []


def test_on_a_public_server_nothing_names_its_owner(visit, monkeypatch):
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "agatha")
    masking._own_names.cache_clear()
    resources.hosting.clear()
    torch = make_cuda_torch(problem="no /home/agatha/lib/libc10.so")
    told = Finding("invented", "info", {"version": "of agatha"})
    visitor = visit(make_gpu_facts(torch=torch), told, Finding("uvm_missing", "error"))
    masking._own_names.cache_clear()
    assert not visitor.exception
    assert "agatha" not in texts(visitor)
    assert "…/libc10.so" in texts(visitor)
    assert "start it with the GPU again" in texts(visitor)
    assert "The device file /dev/nvidia-uvm is missing" in texts(visitor)  # everybody's
    assert not again(visitor).disabled
