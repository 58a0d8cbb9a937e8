"""The Compare page with results: the answer, its doubts, its evidence, and what can be taken away."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from core.analysis import caveats
from core.analysis.comparison import compare
from core.i18n import english
from core.messages import sentence
from core.records import JobSpec, Note, ThreadTrial
from core.runs.queue.keeping import Keeper
from core.wording import verdict_sentence
from tests.builders import (
    make_blocks,
    make_environment,
    make_gpu_result,
    make_result,
    make_setup,
    make_software,
    make_spec,
)
from tests.pages.reading import charts, errors, has_chinese, read, texts
from tests.pages.scripted import CPU, GPU


@pytest.fixture(autouse=True)
def _with_gpu(dashboard):
    dashboard.workers.devices = (CPU, GPU)


def test_the_newest_job_of_the_settings_is_shown_verdict_first(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit()
    assert not visitor.exception
    assert [head.value for head in visitor.header] == [verdict_sentence(compare(*pair), pair, english)]
    assert visitor.header[0].value.startswith("GPU Test GPU trains this 4.0")
    assert [(card.label, card.value) for card in visitor.metric] == [
        ("CPU", "160 images/s"),
        ("GPU Test GPU", "640 images/s"),
    ]
    assert "Nothing has been measured" not in texts(visitor)


def test_every_chart_names_the_setups_and_has_an_alternative_text(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit()
    drawn = charts(visitor)
    assert len(drawn) == 6
    for spec, alt in drawn:
        assert spec["data"]
        assert "GPU Test" in json.dumps(spec)
        assert len(alt) > 40
    assert len({alt for _, alt in drawn}) == 6


def test_the_evidence_is_drawn_only_when_it_is_opened(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit()
    assert "AVX512" not in texts(visitor)
    visitor.session_state["evidence"] = True
    visitor.run()
    assert not visitor.exception
    assert len(charts(visitor)) == 8
    assert "torch 2.13.0" in texts(visitor)
    assert "| Cores | 8 physical, 16 logical, 16 usable by this process |" in texts(visitor)
    assert "| To the first step, in all | 3.5 s |" in texts(visitor)
    assert "| Source | the GPU's energy counter |" in texts(visitor)


def test_a_broken_parity_withholds_the_speed_up_and_says_why(dashboard, pair):
    other = replace(pair[1], first_losses=tuple(1.2 * loss for loss in pair[1].first_losses))
    dashboard.keep(pair[0], other)
    visitor = dashboard.visit()
    reason = sentence("parity_lost_non_determinism")
    assert visitor.header[0].value.startswith("No speed-up is given for GPU Test GPU against CPU")
    assert reason in read(visitor.header[0])
    assert ":red-badge[:material/report: Quality: doubtful]" in [item.label for item in visitor.expander]
    assert "faster" not in "".join(head.value for head in visitor.header)
    assert not [caption for caption in visitor.caption if "as fast" in caption.value]  # nor a start-up sentence


def test_what_differs_is_listed_for_runs_that_shared_no_job(dashboard, pair):
    software = make_software(torch="2.11.0")
    recorded = replace(
        pair[1],
        job_id="job-far",
        environment=make_environment(software=software, device=pair[1].environment.device),
    )
    dashboard.record(recorded)
    dashboard.keep(pair[0])
    visitor = dashboard.visit(devices="cpu")
    [section] = [item for item in visitor.expander if item.label.startswith("What differs")]
    assert section.label.endswith("between CPU and GPU Test GPU · recorded (1 that may change speed: torch)")
    lines = [read(line) for line in section.markdown]
    assert "torch: 2.13.0 and 2.11.0. The software differs" in lines[0]
    assert "device: cpu and cuda:0. This is what is compared." in lines[0]


def test_setups_of_one_job_differ_in_nothing_else(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit()
    assert not [item for item in visitor.expander if item.label.startswith("What differs")]


def test_the_speed_up_against_one_thread_stands_beside_the_headline(dashboard, pair):
    trials = ThreadTrial(1, (4.0, 4.1, 3.9)), ThreadTrial(8, (1.0, 1.01, 0.99))
    dashboard.keep(replace(pair[0], thread_trials=trials), pair[1])
    visitor = dashboard.visit()
    assert [item.value for item in visitor.caption if item.value.startswith("Against 1 thread of the CPU")]


def test_doubts_stand_beside_the_answer_each_once(dashboard, pair):
    noisy = make_result(blocks=make_blocks(0.2, jitter=(0.0, 0.4, -0.4, 0.5, -0.3)))
    dashboard.keep(noisy, pair[1])
    visitor = dashboard.visit()
    doubts = caveats.of_run(noisy)
    assert any(doubt.grave for doubt in doubts)
    for doubt in doubts:
        text = sentence(doubt.code, doubt.facts)
        [line] = [line for line in texts(visitor).splitlines() if text in line]
        assert line.endswith(f" **CPU**: {text}")
        assert (":red[" in line) == doubt.grave


def test_it_can_be_taken_away_as_a_file_and_as_a_command(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.taking_away()
    assert [button.label for button in visitor.get("download_button")] == ["Download the records (JSON)"]
    command = visitor.code[0].value
    assert command.startswith("python -m core run --model mlp --dataset digits --batch-size 64 --epochs 3")
    assert "--setup device=cuda:0" in command


def test_the_command_repeats_the_learning_rate_to_the_last_digit(dashboard):
    spec = make_spec(learning_rate=0.0123456789)
    job = dashboard.keep(make_result(spec=spec))
    visitor = dashboard.taking_away(job=job)
    assert "--learning-rate 0.0123456789 " in visitor.code[0].value


def test_earlier_runs_are_listed_newest_first_with_a_link_to_each(dashboard):
    for hour in (10, 12, 11):
        changes = {"job_id": f"job-{hour}", "created_at": f"2026-11-20T{hour}:00:00+00:00"}
        dashboard.keep(make_result(id=f"run-{hour}", **changes))
    visitor = dashboard.visit()
    assert "Earlier runs of this workload" in texts(visitor)
    lines = [line for line in texts(visitor).splitlines() if "](?job=" in line]
    assert [line.split("]")[0] for line in lines] == [f"| [2026-11-20 {hour}:00" for hour in (12, 11, 10)]
    assert "(?job=job-12)" in lines[0]
    assert "CPU · best thread count · fp32 · data resident" in lines[0]
    assert "160 images/s" in lines[0]


def test_a_long_history_is_leafed_through(dashboard):
    for minute in range(23):
        changes = {"job_id": f"job-{minute}", "created_at": f"2026-11-20T10:{minute:02}:00+00:00"}
        dashboard.keep(make_result(id=f"run-{minute}", **changes))
    visitor = dashboard.visit()
    assert texts(visitor).count("](?job=") == 10
    pages = visitor.get("pagination")[0]
    pages.select(3).run()
    assert not visitor.exception
    assert texts(visitor).count("](?job=") == 3
    assert "(?job=job-0)" in texts(visitor)


def test_one_setup_alone_gets_its_rate_and_no_verdict(dashboard):
    job = dashboard.keep(make_result())
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert [head.value for head in visitor.header] == ["CPU processes 160 images/s"]


@pytest.mark.parametrize(("status", "word"), [("cancelled", "cancelled"), ("interrupted", "interrupted")])
def test_what_a_run_left_that_was_cut_short_is_shown_and_labelled(dashboard, pair, status, word):
    cut = [
        make_result(status=status, blocks=make_blocks()[:7], epochs=(), anatomy=None),
        make_gpu_result(status=status, blocks=pair[1].blocks[:7], epochs=(), anatomy=None),
    ]
    job = dashboard.keep(*cut, state=status)
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert "GPU Test GPU trains this" in visitor.header[0].value
    assert len([caption for caption in visitor.caption if word in caption.value]) == 2
    assert sentence("partial_run") in texts(visitor)
    assert len(charts(visitor)) >= 3


def test_one_that_was_cut_short_too_early_gets_no_speedup(dashboard):
    cut = [
        make_result(status="cancelled", blocks=make_blocks()[:2], epochs=(), anatomy=None, first_losses=()),
        make_gpu_result(status="cancelled", blocks=make_blocks()[:2], epochs=(), anatomy=None),
    ]
    job = dashboard.keep(*cut, state="cancelled")
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert "×" not in visitor.header[0].value
    assert sentence("too_few_blocks") in visitor.header[0].value


def test_one_block_alone_is_no_rate(dashboard):
    job = dashboard.keep(
        make_result(status="interrupted", blocks=make_blocks()[:1], epochs=()), state="interrupted"
    )
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert read(visitor.header[0]) == sentence("too_few_blocks")
    assert [card.value for card in visitor.metric] == ["–"]


def test_a_failed_setup_says_what_to_do_and_the_other_is_shown(dashboard, pair):
    facts = {"device": "cuda:0", "batch_size": 64, "fits": 32}
    failed = make_gpu_result(
        status="failed", failure=Note("out_of_memory_fits", facts), blocks=(), epochs=(), anatomy=None
    )
    job = dashboard.keep(pair[0], failed)
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert errors(visitor) == [f"**GPU Test GPU**: {sentence('out_of_memory_fits', facts)}"]
    assert visitor.header[0].value == "CPU processes 160 images/s"
    visitor.button(key=f"fits-{failed.id}").click().run()
    assert visitor.select_slider(key="batch_size").value == 32
    assert "job" not in visitor.query_params


def test_a_failed_job_says_what_to_do(dashboard):
    dashboard.keep(make_result())
    spec = dashboard.store.job("job-1").spec
    dashboard.store.add_job("job-2", spec, "2026-11-21T10:00:00+00:00", "elsewhere:1:1")
    note = Note("unknown_device", {"device": "cuda:3", "available": "cpu"})
    dashboard.store.set_job_state("job-2", "failed", note)
    visitor = dashboard.visit(job="job-2")
    assert not visitor.exception
    assert errors(visitor) == ["There is no device cuda:3 here. Available: cpu."]
    assert len(visitor.header) == 0, "another job's answer isn't this one's"


def test_a_recorded_run_of_the_same_work_is_compared_and_always_labelled(dashboard):
    dashboard.workers.devices = (CPU,)
    dashboard.keep(make_result(spec=make_spec(threads=None)))
    dashboard.record(
        make_gpu_result(id="shipped", job_id="other"), make_result(id="shipped-cpu", job_id="other")
    )
    visitor = dashboard.visit(devices="cpu")
    assert not visitor.exception
    assert "GPU Test GPU · recorded trains this" in visitor.header[0].value
    assert [card.label for card in visitor.metric] == ["CPU", "GPU Test GPU · recorded"], "no recorded CPU"
    for spec, alt in charts(visitor):
        names = json.dumps(spec, ensure_ascii=False)
        assert "GPU Test" in names
        assert "recorded" in names
        assert "recorded" in alt
    assert sentence("recorded", {"date": "2026-11-20", "name": "NVIDIA Test GPU"}) in texts(visitor)


def test_before_anything_was_measured_here_a_recording_is_shown_as_one(dashboard):
    dashboard.record(make_gpu_result(id="shipped"))
    visitor = dashboard.visit()
    assert not visitor.exception
    assert visitor.header[0].value == "GPU Test GPU · recorded processes 640 images/s"
    assert "nothing of it was measured on this machine" in texts(visitor)


def test_a_recording_of_other_work_is_not_shown(dashboard):
    dashboard.record(make_gpu_result(id="shipped"))
    visitor = dashboard.visit(batch_size="128")
    assert len(visitor.header) == 0
    assert "Nothing has been measured with these settings yet" in texts(visitor)


def test_a_stored_run_that_cannot_be_read_is_named_and_the_page_still_measures(dashboard, tmp_path):
    dashboard.keep(make_result(spec=make_spec(device="cpu")))
    with sqlite3.connect(tmp_path / "results.sqlite3") as connection:
        connection.execute("UPDATE runs SET document = ?", (b"\x00rubbish",))
    connection.close()
    visitor = dashboard.visit(job="job-1")
    assert not visitor.exception
    assert len(visitor.error) == 1
    assert errors(visitor)[0].startswith("The stored run run-cpu can't be read: ")
    assert not visitor.button(key="run").disabled


def test_chinese_results(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit(locale="zh-CN")
    assert not visitor.exception
    shown = [visitor.title[0].value, visitor.header[0].value, visitor.button(key="run").label]
    shown += [alt for _, alt in charts(visitor)]
    shown += [caption.value for caption in visitor.caption]
    assert [text for text in shown if not has_chinese(text)] == []


def test_other_setups_of_the_job_are_told_apart(dashboard):
    one = make_result(id="one", spec=make_spec(threads=1), threads=1, blocks=make_blocks(0.3))
    best = make_result(id="all", spec=make_spec(), blocks=make_blocks(0.2, start_s=11.7))
    job = dashboard.keep(one, best)
    visitor = dashboard.visit(job=job)
    assert [card.label for card in visitor.metric] == ["CPU · 1 thread", "CPU · 8 threads"]
    assert visitor.pills(key="devices").value == ["cpu/1", "cpu"]
    assert make_setup() in dashboard.store.job(job).spec.setups


def test_the_results_of_another_programs_job_grow_while_they_are_looked_at(dashboard, pair):
    dashboard.visit()
    spec = JobSpec(pair[0].spec.workload, tuple(run.spec.setup for run in pair))
    dashboard.store.add_job("job-1", spec, pair[0].created_at, "elsewhere:1:1")
    dashboard.store.set_job_state("job-1", "running")
    visitor = dashboard.visit(job="job-1")
    assert not visitor.exception
    assert errors(visitor) == [sentence("measured_elsewhere")]
    assert len(visitor.metric) == 0

    parts = [replace(run, status="interrupted", blocks=run.blocks[:2]) for run in pair]
    Keeper(dashboard.store).results(parts)
    visitor.run()
    assert not visitor.exception
    assert sentence("too_few_blocks") in visitor.header[0].value

    Keeper(dashboard.store).results(pair)
    visitor.run()
    assert visitor.header[0].value == verdict_sentence(compare(*pair), pair, english)
    dashboard.store.set_job_state("job-1", "finished")
    visitor.run()
    assert len(visitor.error) == 0
    assert visitor.header[0].value == verdict_sentence(compare(*pair), pair, english)
