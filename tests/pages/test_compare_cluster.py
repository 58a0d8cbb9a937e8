"""Other machines on the Compare page: running on several kinds, and what is shown of it."""

from __future__ import annotations

import dataclasses
import threading

from core.errors import MeasurementError
from core.i18n import english
from core.messages import sentence
from core.records import Note
from core.runs.elsewhere import cluster
from core.sharing.bundle import gather
from core.sharing.doubts import doubts
from pages._shared import resources
from tests.builders import TEST_GPU, make_software
from tests.fake_targets import (
    THREE,
    FakeTargets,
    cpu_target,
    endless,
    gpu_target,
    measured,
    results,
    runs_of,
)
from tests.pages.clustered import ADDRESS, CPU_KIND, GPU_KIND, OTHER, choose, ended
from tests.pages.reading import charts, errors, texts
from tests.pages.scripted import END, whole

OLDER = make_software(torch="2.11.0")


def test_a_run_on_all_kinds_ends_in_one_comparison_with_this_machine_first(connected, fake, pair):
    visitor = connected.visit(devices=f"cpu,{GPU_KIND},{OTHER}", epochs="3")
    visitor.button(key="run").click().run()
    assert not visitor.exception
    here, other, gpu = visitor.query_params["job"].split(",")
    assert [(item[0], item[2].kind) for item in sorted(fake.sent, key=lambda item: item[2].device)] == [
        (other, "Other CPU"),
        (gpu, f"NVIDIA {TEST_GPU}"),
    ]
    assert {item[1].setups[0].device for item in fake.sent} == {"cpu", "cuda:0"}
    connected.finished(other)
    connected.finished(gpu)
    visitor.run()
    assert "So far, without This machine: still being measured." in texts(visitor)
    assert len(visitor.header) == 1, "what is done is drawn already"
    assert visitor.button(key=f"cancel-{here}").label == "Cancel"

    connected.workers.current.tell(*whole(0, pair[0]), END)
    ended(connected, visitor)
    assert not visitor.exception
    assert "So far" not in texts(visitor)
    assert len(visitor.metric) == 3
    differences = [item.label for item in visitor.expander if item.label.startswith("What differs between ")]
    assert [label.partition(" and ")[2] for label in differences] == [
        "CPU · Other (2 that may change speed: the CPU, the number of cores)",
        f"GPU {TEST_GPU} (nothing that may change speed)",
    ]
    assert sentence("separate_machines") in texts(visitor)
    assert len(charts(visitor)) >= 5
    (spec, _alt) = charts(visitor)[0]
    assert spec["data"]
    assert visitor.query_params == {"job": f"{here},{other},{gpu}", "devices": f"cpu,{GPU_KIND},{OTHER}"}
    assert texts(visitor).count("on another machine: ") == 2, "in the history"


def test_the_link_works_on_another_server_and_names_where_each_was_measured(connected, fake):
    visitor = connected.visit(devices=f"{CPU_KIND},{GPU_KIND}")
    visitor.button(key="run").click().run()
    ended(connected, visitor)
    jobs = visitor.query_params["job"]
    for job_id in jobs.split(","):
        del connected.runner._jobs[job_id]  # as after a restart
    other = connected.visit(job=jobs)
    assert not other.exception
    assert other.pills(key="devices").value == [CPU_KIND, GPU_KIND]
    assert len(other.metric) == 2
    assert other.header[0].value.startswith(f"GPU {TEST_GPU}")


def test_one_job_of_another_machine_is_not_this_ones_answer(connected):
    visitor = connected.visit(devices=CPU_KIND)
    visitor.button(key="run").click().run()
    ended(connected, visitor)
    assert len(visitor.header) == 1
    alone = connected.visit(devices="cpu")
    assert len(alone.header) == 0, "the same setup, measured elsewhere"
    assert "Nothing has been measured with these settings yet" in texts(alone)
    listed = connected.visit(page="pages/results.py")
    assert "data resident · on another machine: Test CPU" in texts(listed)
    again = connected.visit(devices=CPU_KIND)
    assert len(again.header) == 1, "found by its kind, without a job in the link"


def test_a_kind_that_fails_says_so_beside_the_others_results(connected, fake):
    def script(spec, target):
        if target.device == "cpu":
            yield from measured(spec, target)
        else:
            yield MeasurementError("look_stopped")

    fake.script = script
    visitor = connected.visit(devices=f"{CPU_KIND},{GPU_KIND}")
    visitor.button(key="run").click().run()
    ended(connected, visitor)
    assert errors(visitor) == [f"**NVIDIA {TEST_GPU} · cluster**: {sentence('look_stopped')}"]
    assert len(visitor.metric) == 1
    for job_id in visitor.query_params["job"].split(","):
        del connected.runner._jobs[job_id]
    later = connected.visit(job=visitor.query_params["job"])
    assert errors(later) == errors(visitor), "after a restart, too"
    assert later.pills(key="devices").value == [CPU_KIND, GPU_KIND]


HOSTILE = "**b** :red[r] <img src=x> $x$\n\n# Big"


def test_what_a_machine_calls_itself_is_text_wherever_it_is_shown(connected, fake):
    lost = Note("node_broken", {"last_words": "Traceback\n\n# boom\n- a <b>x</b>"})
    fake._targets = (
        cpu_target("a", HOSTILE),
        cpu_target("b", "Lazy\n\n# CPU", state="unfit", problem=lost),
        gpu_target("g"),
    )
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    fake.script = lambda spec, target: measured(spec, target) if target.node == "g" else endless(spec, target)
    visitor = connected.visit(devices=f"cpu,{GPU_KIND}")
    choose(visitor, f"@{HOSTILE}", GPU_KIND)
    visitor.button(key="run").click().run()
    first, second = visitor.query_params["job"].split(",")
    connected.finished(second)
    visitor.run()
    assert not visitor.exception
    shown = [element.value for kind in (visitor.markdown, visitor.caption) for element in kind]
    shown += [bar.proto.text for bar in visitor.get("progress")]
    of_it = [text for text in shown if "Big" in text or "boom" in text or "Lazy" in text]
    assert len([text for text in of_it if "Big" in text]) == 3, "at the side, on its bar, and in what is left"
    for text in of_it:
        assert r"\*\*b\*\* \:red\[r\] \<img src=x\> \$x\$ # Big" in text or "Big" not in text
        assert "\n#" not in text
        assert "\n-" not in text
    visitor.button(key=f"cancel-{first}").click().run()
    ended(connected, visitor)


def test_nothing_is_said_of_a_part_while_nothing_is_drawn(connected, fake):
    def script(spec, target):
        if target.device == "cpu":
            yield from endless(spec, target)
        else:
            yield MeasurementError("look_stopped")

    fake.script = script
    visitor = connected.visit(devices=f"{CPU_KIND},{GPU_KIND}")
    visitor.button(key="run").click().run()
    first, second = visitor.query_params["job"].split(",")
    connected.finished(second)
    visitor.run()
    assert "So far, without" not in texts(visitor)
    visitor.button(key=f"cancel-{first}").click().run()
    ended(connected, visitor)


def test_each_is_cancelled_by_itself_or_all_together(connected, fake):
    fake.script = endless
    visitor = connected.visit(devices=f"{CPU_KIND},{OTHER},{GPU_KIND}")
    visitor.button(key="run").click().run()
    first, second, third = visitor.query_params["job"].split(",")
    connected.until(second, lambda: connected.runner.job(second).assembly.runs[0].blocks)
    visitor.run()
    assert "**0 of 3 machines are done**" in texts(visitor)
    assert [bar.proto.text.partition(":")[0] for bar in visitor.get("progress")] == [
        "**Test CPU · cluster**",
        "**Other CPU · cluster**",
        f"**NVIDIA {TEST_GPU} · cluster**",
    ]
    assert visitor.button(key="disconnect").disabled, "it would end them"
    visitor.button(key=f"cancel-{first}").click().run()
    connected.finished(first)
    visitor.run()
    assert fake.cancelled == [first]
    assert "**1 of 3 machines are done**" in texts(visitor)
    visitor.button(key="cancel-all").click().run()
    ended(connected, visitor)
    assert set(fake.cancelled) == {first, second, third}
    assert connected.runner.jobs_away() == []
    assert len(visitor.error) == 0, "what the visitor asked for is no failure"


def test_other_software_on_one_machine_is_named_and_said_of_that_one_only(connected, fake):
    def script(spec, target):
        *told, end = measured(spec, target)
        if target.device != "cpu":
            around = dataclasses.replace(runs_of(spec, target)[0].environment, software=OLDER)
            end = results(spec, target, environment=around)
        yield from (*told, end)

    fake.script = script
    visitor = connected.visit(devices=f"{CPU_KIND},{OTHER},{GPU_KIND}")
    visitor.button(key="run").click().run()
    ended(connected, visitor)
    [title] = [item.label for item in visitor.expander if item.label.endswith("speed: torch)")]
    assert title == f"What differs between CPU · Test and GPU {TEST_GPU} (1 that may change speed: torch)"
    facts = {"differing": "torch 2.13.0 / 2.11.0"}
    assert f"**GPU {TEST_GPU}**: {sentence('unlike_software', facts)}" in texts(visitor)
    job_ids = visitor.query_params["job"].split(",")
    runs = [run for job_id in job_ids for run in resources.results_of(job_id)]
    told = {doubt.text: doubt.names for doubt in doubts(gather(runs, english), english)}
    assert told[sentence("unlike_software", facts)] == (f"GPU {TEST_GPU}",), "in a report, too"
    assert told[sentence("separate_machines")] == ()


def test_a_busy_machine_is_waited_for_and_said_so(connected, fake):
    fake.script = lambda spec, target: iter([threading.Event()])  # never placed
    visitor = connected.visit(devices=GPU_KIND)
    visitor.button(key="run").click().run()
    assert visitor.get("progress")[0].proto.text.endswith("Waiting for the machine")
    fake.wait_until_sent()
    assert fake.sent[0][3] == 600.0
    other = connected.visit(epochs="9")
    assert f"on another machine: NVIDIA {TEST_GPU}" in texts(other)
    assert resources.measured_now(connected.runner) == []
    visitor.button(key=f"cancel-{visitor.query_params['job']}").click().run()
    ended(connected, visitor)


def test_a_cluster_that_is_lost_is_looked_for_again(connected, fake, monkeypatch):
    fake.script = endless
    visitor = connected.visit(devices=GPU_KIND)
    visitor.button(key="run").click().run()
    fake.wait_until_sent()
    fresh = FakeTargets(THREE[:1])
    monkeypatch.setattr(cluster, "connected", lambda address: fresh)
    fake.lose_head()
    ended(connected, visitor)
    resources.clusters().wait(ADDRESS)
    visitor.run()
    assert fake.closed
    assert visitor.pills(key="devices").options[-2:] == ["Test CPU · cluster", f"NVIDIA {TEST_GPU} · cluster"]


def test_nothing_is_started_where_one_is_refused(connected, fake, monkeypatch):
    refused = MeasurementError("look_stopped")

    def refuse(*args):
        raise refused

    monkeypatch.setattr(connected.runner, "submit_away", refuse)
    visitor = connected.visit(devices=f"cpu,{GPU_KIND}")
    visitor.button(key="run").click().run()
    assert errors(visitor) == [sentence("look_stopped")]
    assert "job" not in visitor.query_params
    assert all(job.over for job in connected.runner.open_jobs())


def test_all_machines_of_a_kind(connected, fake):
    fake._targets = (cpu_target("a"), cpu_target("b"), gpu_target("g"))
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    visitor = connected.visit(devices=CPU_KIND)
    visitor.toggle(key="every_machine").set_value(True).run()
    assert visitor.query_params == {"devices": CPU_KIND, "every_machine": "1"}
    gate = threading.Event()
    fake.script = lambda spec, target: iter([gate, *measured(spec, target)])
    visitor.button(key="run").click().run()
    assert [bar.proto.text.partition(":")[0] for bar in visitor.get("progress")] == [
        "**Test CPU · cluster (1)**",
        "**Test CPU · cluster (2)**",
    ]
    gate.set()
    ended(connected, visitor)
    assert not visitor.exception
    assert sorted(item[2].node for item in fake.sent) == ["a", "b"]
    assert len(visitor.metric) == 2
    assert visitor.query_params["every_machine"] == "1"
