"""The Monitor page over a monitor that says what a test wants: every reading, or why there is none."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re

import pytest
import streamlit as st

from core.hardware.monitor.cores import Cores
from core.hardware.nvml import THROTTLE_REASONS
from core.i18n import translator
from core.messages import sentence
from core.records import Absent, GpuProcess, GpuSample, Happening, JobSpec, Note, Stretch
from pages._monitor import monitor_absences, monitor_live, monitor_words
from pages._shared import resources
from tests.builders import make_limits, make_result
from tests.pages.reading import texts
from tests.pages.scripted import begun
from tests.watched import AT_S, FakeMonitor, make_cpu_now, make_gpu_now, make_now, make_watched

PAGE = "pages/monitor.py"


@pytest.fixture
def watching(monkeypatch, dashboard):
    """Put a monitor in the place of the real one, and visit the page."""

    def visit(now, watched=None, *, stale_s=0.4, **options):
        fake = FakeMonitor(now, watched, stale_s)
        monkeypatch.setattr(resources, "monitor", lambda: fake)
        visitor = dashboard.visit(page=PAGE, **options)
        assert not visitor.exception
        return visitor, fake

    return visit


def read(visitor):
    """All texts, with the spaces and marks that only keep lines together or in bold taken out."""
    text = texts(visitor).replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")
    return text.replace("**", "")


def metrics(visitor):
    """The label without the device's name, which is its first line."""
    return [(element.label.split("\n")[-1], element.value) for element in visitor.metric]


def devices(visitor):
    return [element.label.split("**")[1].replace("\\", "") for element in visitor.metric]


def options(visitor):
    return [json.loads(element.proto.spec) for element in visitor.get("echarts_chart")]


def links(visitor):
    return [element.proto.page for element in visitor.get("page_link")]


# --- what is there ---------------------------------------------------------------------------------


def test_without_a_gpu_the_page_says_why_and_shows_the_cpu_in_full(watching):
    visitor, fake = watching(make_now(0))
    text = read(visitor)
    assert sentence("nvml_no_driver") in text
    assert "doctor" in links(visitor)
    assert metrics(visitor) == [("Load, all cores", "25 %")]
    assert "Memory 8 GiB of 32 GiB" in text
    assert len(options(visitor)) == 2
    assert fake.looks >= 3  # the page and both of its parts say that somebody looks


def test_every_reading_of_a_gpu_is_there(watching):
    visitor, _ = watching(make_now(1))
    assert ("Time with a kernel running", "40 %") in metrics(visitor)
    text = read(visitor)
    for words in (
        "Memory 4 GiB of 16 GiB",
        "Power 300 W of 350 W",
        "Temperature 55 °C",
        "Clock 1.7 GHz, memory 2.6 GHz",
        "PCIe gen4 x16",
        "In 2.79 GiB/s, out 1.91 MiB/s",
        "Energy 1.2 kJ in 5 min 00 s",
        "Programs python3 (4321, 1 GiB), 1 of others",
        "Clock held down by nothing",
    ):
        assert words in text
    assert devices(visitor)[1] == "GPU 0 · Test GPU"
    help_text = visitor.metric[1].help
    assert "one kernel on one of its many multiprocessors" in help_text


def test_a_link_that_has_slowed_down_is_told_with_the_fastest(watching):
    visitor, _ = watching(make_now((make_gpu_now(pcie="gen1 x16"),)))
    assert "PCIe gen1 x16, up to gen4 x16" in read(visitor)


def test_nothing_measured_is_said(watching):
    visitor, _ = watching(make_now(1))
    assert "Nothing is being measured." in read(visitor)


def test_sixteen_gpus_are_all_there_the_first_four_in_full(watching):
    visitor, _ = watching(make_now(16))
    text = read(visitor)
    assert devices(visitor)[1:] == [f"GPU {index} · Test GPU" for index in range(4)]
    assert all(f"GPU {index} · Test GPU" in text for index in range(4, 16))
    assert len(metrics(visitor)) == 1 + 4
    assert text.count("Kernel running 40 %") == 12
    pills = visitor.pills(key="monitor_gpus")
    assert pills.value == ["GPU-0", "GPU-1", "GPU-2", "GPU-3"]
    pills.set_value(["GPU-15"]).run()
    assert len(metrics(visitor)) == 2
    names = {series["name"] for series in options(visitor)[1]["series"]}
    assert names == {"CPU", "GPU 15", "Being measured"}


def test_a_gpu_more_is_two_elements_more_or_one_where_it_is_brief(watching):
    """Each element is a message to each visitor, each second."""

    def elements(gpus):
        visitor, _ = watching(make_now(gpus, number=gpus))  # what one number shows is kept
        return len(visitor.markdown) + len(visitor.metric) + len(visitor.caption)

    assert [elements(gpus + 1) - elements(gpus) for gpus in (2, 3, 5)] == [2, 2, 1]


def test_the_history_is_as_long_as_asked_for_and_the_table_as_the_stretch(watching):
    visitor, _ = watching(make_now(1), make_watched(make_now(1), 600))
    assert "The last 5 min 00 s, in numbers" in read(visitor)
    visitor.segmented_control(key="monitor_minutes").set_value(10).run()
    assert "The last 10 min 00 s, in numbers" in read(visitor)
    visitor.select_slider(key="monitor_stretch_10").set_range(-120, -60).run()
    assert "From 2 min 00 s to 1 min 00 s ago, in numbers" in read(visitor)
    axis = options(visitor)[1]["xAxis"][0]
    assert axis["max"] - axis["min"] == 60_000


def test_the_table_claims_no_more_than_was_watched(watching):
    now = make_now(0)
    visitor, _ = watching(now, make_watched(now, 40))
    assert "The last 40 s, in numbers" in read(visitor)


# --- what is missing -------------------------------------------------------------------------------

KINDS = [
    ("nvml_not_supported", "not supported"),
    ("nvml_no_permission", "not permitted"),
    ("nvml_failed", "not now"),
    ("processes_hidden", "not visible here"),
    ("processes_not_asked", "not asked while measuring"),
]


@pytest.mark.parametrize(("reason", "word"), KINDS)
def test_a_missing_reading_says_why_and_is_no_zero(watching, reason, word):
    absent = (Absent("gpu.power_w", reason), Absent("gpu.processes", reason))
    gpu = make_gpu_now(power_w=None, processes=None, other_processes=None, absent=absent)
    visitor, _ = watching(make_now((gpu,)))
    text = read(visitor)
    assert f"Power *{word}* of 350 W" in text
    assert f"Programs *{word}*" in text
    assert f"{sentence(reason)} (GPU 0: power, programs)" in text
    assert "Why are readings missing?" in [box.label for box in visitor.expander]


def test_every_reading_that_may_be_missing_has_a_name():
    live = {"pcie", "power_limit_w", "sent_bytes_per_s", "received_bytes_per_s", "processes", "other_processes"}
    of_gpu = {field.name for field in dataclasses.fields(GpuSample)} | live
    of_cpu = set(re.findall(r"self\._missing\((.*)\)", inspect.getsource(Cores)))
    named = {name for call in of_cpu for name in re.findall(r'"(\w+)"', call.partition(",")[2])}
    assert {"memory_bytes", "core_clocks_hz"} <= named
    assert (of_gpu | named) - {"at_s"} <= set(monitor_absences._NAMES)


def test_a_hidden_memory_is_named_once(watching):
    lacking = tuple(Absent(f"cpu.{name}", "memory_hidden") for name in ("memory_used_bytes", "memory_bytes"))
    cpu = make_cpu_now(memory_used_bytes=None, memory_bytes=None, absent=lacking)
    visitor, _ = watching(make_now(0, cpu=cpu))
    assert f"{sentence('memory_hidden')} (CPU: memory)" in read(visitor)


def test_zero_is_a_zero(watching):
    gpu = make_gpu_now(utilisation_pct=0.0, power_w=0.0, temperature_c=0.0, energy_j=0.0, processes=(),
                       other_processes=0, sent_bytes_per_s=0.0)  # fmt: skip
    cpu = make_cpu_now(load_pct=0.0)
    visitor, _ = watching(make_now((gpu,), cpu=cpu))
    assert metrics(visitor) == [("Load, all cores", "0 %"), ("Time with a kernel running", "0 %")]
    text = read(visitor)
    for words in ("Power 0 W of", "Temperature 0 °C", "Energy 0 J in", "out 0 B/s", "Programs none"):
        assert words in text


def test_a_missing_utilisation_is_a_word_in_the_place_of_the_number(watching):
    gpu = make_gpu_now(utilisation_pct=None, absent=(Absent("gpu.utilisation_pct", "nvml_not_supported"),))
    visitor, _ = watching(make_now((gpu,)))
    assert ("Time with a kernel running", "not supported") in metrics(visitor)


def test_a_reading_that_is_none_without_a_reason_is_not_blank(watching):
    """As the first load, for which two looks are needed."""
    visitor, _ = watching(make_now(0, cpu=make_cpu_now(load_pct=None)))
    assert metrics(visitor) == [("Load, all cores", "not now")]


def test_many_gpus_that_lack_the_same_are_told_of_together(watching):
    lacking = (Absent("gpu.pcie", "nvml_not_supported"),)
    gpus = tuple(make_gpu_now(index, pcie=None, absent=lacking) for index in range(3))
    visitor, _ = watching(make_now(gpus, number=gpus))  # what one number shows is kept
    assert "(GPU 0, GPU 1, GPU 2: PCIe link)" in read(visitor)


def test_a_lost_gpu_says_so_and_the_others_go_on(watching):
    blank = dict.fromkeys(
        ("utilisation_pct", "memory_used_bytes", "power_w", "temperature_c", "sm_clock_hz", "memory_clock_hz",
         "throttle_reasons", "pcie", "sent_bytes_per_s", "received_bytes_per_s", "energy_j", "processes",
         "other_processes")
    )  # fmt: skip
    lost = make_gpu_now(0, **blank, lost=Note("nvml_gpu_lost"))
    now = make_now((lost, make_gpu_now(1)))
    note = Note("monitor_gpu_lost", {"index": 0, "name": "Test GPU"})
    visitor, _ = watching(now, make_watched(now, happenings=(Happening(AT_S - 75, note),)))
    assert ("Time with a kernel running", "no answer") in metrics(visitor)
    text = read(visitor)
    assert sentence("nvml_gpu_lost") in text
    assert text.count("Power") == 1 + text.count("| Power")
    (happened,) = (box.value.replace("\\", "") for box in visitor.info)
    assert happened.startswith("**What happened**")
    assert f"1 min 15 s ago: {sentence(note.code, note.facts)}" in happened


@pytest.mark.parametrize("reason", THROTTLE_REASONS.values())
def test_what_holds_the_clock_down_has_a_short_word_and_a_sentence(watching, reason):
    visitor, _ = watching(make_now((make_gpu_now(throttle_reasons=(reason,)),)))
    word = monitor_words.held_by([reason], str)
    (line,) = (e for e in visitor.markdown if "Clock held down by" in e.value)
    assert line.value.replace("\N{NO-BREAK SPACE}", " ").endswith(f"\nClock held down by **{word}**")
    assert line.proto.help.replace("\\", "") == sentence(reason)


@pytest.mark.parametrize(("stale_s", "told"), [(0.9, False), (3.0, False), (8.4, True)])
def test_old_readings_are_told_of(watching, stale_s, told):
    visitor, _ = watching(make_now(1), stale_s=stale_s)
    assert any("No reading for 8 s" in box.value for box in visitor.warning) is told


def test_before_the_first_reading_the_page_waits(watching):
    visitor, fake = watching(None)
    assert "Reading the sensors" in read(visitor)
    assert not visitor.metric
    fake.failure = RuntimeError("of ours")
    visitor.run()
    assert "by a fault of Crossover's own" in visitor.error[0].value
    fake.now = make_now(1)
    visitor.run()
    assert len(metrics(visitor)) == 2


# --- refreshing ------------------------------------------------------------------------------------


@pytest.fixture
def timers(monkeypatch):
    """How often each part refreshes itself."""
    found = {}
    make = st.fragment

    def fragment(part=None, *, run_every=None, **rest):
        if part is not None:
            found[part.__name__] = run_every
        return make(part, run_every=run_every, **rest)

    monkeypatch.setattr(monitor_live.st, "fragment", fragment)
    return found


def test_paused_nothing_moves_and_there_is_no_timer(watching, timers):
    visitor, fake = watching(make_now(1))
    assert timers == {"_now": 1.0, "_lately": 2.0}
    assert "dataZoom" not in options(visitor)[1]
    visitor.button(key="monitor_pause").click().run()
    assert timers == {"_now": None, "_lately": None}
    assert "dataZoom" in options(visitor)[1]
    looks = fake.looks
    fake.now = make_now((make_gpu_now(utilisation_pct=77.0),), number=2)
    visitor.run()
    assert ("Time with a kernel running", "40 %") in metrics(visitor)
    assert fake.looks == looks
    assert "Paused" in visitor.info[0].value
    visitor.button(key="monitor_pause").click().run()
    assert ("Time with a kernel running", "77 %") in metrics(visitor)
    assert timers == {"_now": 1.0, "_lately": 2.0}


def test_what_is_drawn_of_a_reading_is_drawn_once_for_all_visitors(watching, monkeypatch, dashboard):
    from pages._monitor import monitor_charts

    drawn = []
    make = monitor_charts.history.history_figure
    monkeypatch.setattr(
        monitor_charts.history, "history_figure", lambda *given: drawn.append(1) or make(*given)
    )
    _, fake = watching(make_now(2))
    dashboard.visit(page=PAGE)
    assert len(drawn) == 1
    fake.now = make_now(2, number=2)
    dashboard.visit(page=PAGE)
    assert len(drawn) == 2


def test_while_something_is_measured_it_is_named_and_refreshed_less_often(watching, timers, dashboard):
    result = make_result()
    dashboard.runner.wait_for_worker()
    job_id = dashboard.runner.submit(JobSpec(result.spec.workload, (result.spec.setup,)))
    job = dashboard.runner.job(job_id)
    dashboard.until(job_id, lambda: job.sampler is not None)
    now = make_now(0)
    visitor, _ = watching(now, make_watched(now, stretches=(Stretch(AT_S - 30, None, job_id),)))
    assert timers == {"_now": 5.0, "_lately": 10.0}
    (link,) = (element.proto for element in visitor.get("page_link") if element.proto.page != "doctor")
    assert link.label.startswith("Being measured now: ")
    assert job_id in link.query_string
    assert "arithmetic: not timed yet" in read(visitor)
    dashboard.workers.current.tell(*begun(0, result, 5))
    dashboard.until(job_id, lambda: len(job.assembly.runs[0].blocks) >= 5)
    visitor.run()
    assert "images/s; its arithmetic is counted when the run ends" in read(visitor)


def test_an_earlier_run_of_the_workload_tells_its_arithmetic_and_the_device_s_peak(watching, dashboard):
    result = make_result()
    dashboard.keep(dataclasses.replace(result, limits=make_limits()))
    dashboard.runner.wait_for_worker()
    job_id = dashboard.runner.submit(JobSpec(result.spec.workload, (result.spec.setup,)))
    job = dashboard.runner.job(job_id)
    dashboard.until(job_id, lambda: job.sampler is not None)
    dashboard.workers.current.tell(*begun(0, result, 10))
    dashboard.until(job_id, lambda: len(job.assembly.runs[0].blocks) >= 10)
    visitor, _ = watching(make_now(0))
    block = result.blocks[9]
    gflops = block.samples / block.duration_s  # 1 GFLOP an image
    told = next(line for line in read(visitor).splitlines() if "computed" in line)
    assert told.startswith(f"{gflops:.0f} GFLOP/s computed; ")
    assert told.strip().endswith("of the measured peak")


# --- who may see what ------------------------------------------------------------------------------


@pytest.mark.parametrize("admin", [False, True])
def test_on_a_public_server_only_its_owner_sees_whose_programs_run(watching, monkeypatch, admin):
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    gpu = make_gpu_now(processes=(GpuProcess(4321, "secret.py", 2**30),), other_processes=2)
    visitor, _ = watching(make_now((gpu,)))
    if admin:
        visitor.session_state["admin"] = True
        visitor.run()
    text = read(visitor)
    assert ("secret.py (4321, 1 GiB), 2 of others" in text) is admin
    assert ("Programs 3" in text) is not admin


def test_a_program_s_name_is_text_and_nothing_else(watching):
    gpu = make_gpu_now(processes=(GpuProcess(1, "![x](http://evil/)<b>", None),))
    visitor, _ = watching(make_now((gpu,)))
    (line,) = (e.value for e in visitor.markdown if "evil" in e.value)
    assert "![x](" not in line
    assert "<b>" not in line.replace("\\<b\\>", "")


def test_the_page_speaks_the_visitor_s_language_in_all_its_parts(watching):
    _ = translator("zh_CN")
    lacking = (Absent("gpu.pcie", "nvml_not_supported"),)
    visitor, _monitor = watching(make_now((make_gpu_now(pcie=None, absent=lacking),)), locale="zh-CN")
    assert [label for label, _value in metrics(visitor)] == [
        _("Load, all cores"),
        _("Time with a kernel running"),
    ]
    assert visitor.title[0].value == _("What is this machine doing?")
    assert sentence("nvml_not_supported", {}, _) in texts(visitor)
    assert options(visitor)[1]["yAxis"][0]["name"] == _("Busy (%)")
    assert visitor.button(key="monitor_pause").label == _("Pause")
