"""Other machines on the Compare page: connecting, choosing kinds, running on all, and what is shown of it."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from core.errors import MeasurementError
from core.i18n import english
from core.messages import sentence
from core.records import Note
from core.runs.admission import Limits
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
from tests.pages.reading import charts, errors, texts
from tests.pages.scripted import END, whole

ADDRESS = "10.1.2.3:6379"
OLDER = make_software(torch="2.11.0")
GPU_KIND, CPU_KIND, OTHER = f"@NVIDIA {TEST_GPU}", "@Test CPU", "@Other CPU"


@pytest.fixture
def fake() -> FakeTargets:
    return FakeTargets()


@pytest.fixture(autouse=True)
def _cluster(monkeypatch, fake):
    """Ray is installed, and whoever connects gets the fake."""
    monkeypatch.delenv("CROSSOVER_CLUSTER", raising=False)
    monkeypatch.setattr(cluster, "available", lambda: True)
    monkeypatch.setattr(cluster, "connected", lambda address: fake)


@pytest.fixture
def connected(monkeypatch, dashboard):
    """The server's own cluster, looked over."""
    monkeypatch.setenv("CROSSOVER_CLUSTER", ADDRESS)
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    return dashboard


def ended(dashboard, visitor):
    """Back when all jobs of the address are over, and the page has been run again."""
    for job_id in visitor.query_params["job"].split(","):
        dashboard.finished(job_id)
    return visitor.run()


def expander(visitor):
    return next(item for item in visitor.expander if item.label == "Other machines")


def choose(visitor, *devices):
    return visitor.pills(key="devices").set_value(list(devices)).run()


def test_an_address_is_connected_to_in_the_background_and_its_kinds_can_be_chosen(dashboard, fake):
    visitor = dashboard.visit()
    assert not any(option.endswith("cluster") for option in visitor.pills(key="devices").options)
    visitor.text_input(key="cluster_field").set_value(f" {ADDRESS} ")
    next(button for button in visitor.button if button.label == "Connect").click().run()
    resources.clusters().wait(ADDRESS)
    visitor.run()
    assert not visitor.exception
    assert visitor.pills(key="devices").options[-3:] == [
        "Test CPU · cluster",
        "Other CPU · cluster",
        f"NVIDIA {TEST_GPU} · cluster",
    ]
    assert f"**NVIDIA {TEST_GPU}**  \n1 machine · free" in texts(visitor)
    other = dashboard.visit()
    assert f"Connected to {ADDRESS}" in texts(other), "one connection for everybody"
    other.button(key="disconnect").click().run()
    assert not other.exception
    assert other.text_input(key="cluster_field").value == ""
    assert fake.closed


def test_while_it_looks_the_page_is_there_and_says_so(dashboard, monkeypatch, fake):
    gate = threading.Event()
    monkeypatch.setattr(cluster, "connected", lambda address: gate.wait() and fake)
    monkeypatch.setenv("CROSSOVER_CLUSTER", ADDRESS)
    visitor = dashboard.visit(devices=f"cpu,{GPU_KIND}")
    assert f"Looking for machines at {ADDRESS} …" in texts(visitor)
    assert len(visitor.warning) == 0, "whether it is there isn't known yet"
    gate.set()
    resources.clusters().wait(ADDRESS)
    visitor.run()
    assert "Looking for machines" not in texts(visitor)
    assert visitor.pills(key="devices").value == ["cpu", GPU_KIND]


def test_why_nobody_answers_is_told_and_another_address_can_be_tried(dashboard, monkeypatch):
    def refuse(address):
        raise MeasurementError("look_stopped")

    monkeypatch.setattr(cluster, "connected", refuse)
    visitor = dashboard.visit()
    visitor.text_input(key="cluster_field").set_value(ADDRESS)
    next(button for button in visitor.button if button.label == "Connect").click().run()
    resources.clusters().wait(ADDRESS)
    visitor.run()
    assert errors(visitor) == [sentence("look_stopped")]
    assert expander(visitor).proto.expanded
    assert not visitor.button(key="run").disabled, "this machine can be measured all the same"


def test_without_ray_it_says_how_to_get_it(dashboard, monkeypatch):
    monkeypatch.setattr(cluster, "available", lambda: False)
    visitor = dashboard.visit()
    assert sentence("cluster_extra_missing") in [item.value for item in visitor.markdown]
    assert "`pip install -r requirements-cluster.txt`" in texts(visitor)
    assert "cluster_field" not in [item.key for item in visitor.text_input]


class TestAPublicDemo:
    @pytest.fixture
    def limits(self):
        return Limits.public()

    def test_has_no_other_machines_whatever_is_asked(self, dashboard, monkeypatch, fake):
        monkeypatch.setenv("CROSSOVER_CLUSTER", ADDRESS)
        visitor = dashboard.visit(devices=f"cpu,{GPU_KIND}")
        assert not visitor.exception
        assert "Other machines" not in [item.label for item in visitor.expander]
        assert GPU_KIND not in visitor.pills(key="devices").value
        assert "`devices`" in visitor.warning[0].value
        resources.clusters().look(ADDRESS)
        found = resources.clusters().wait(ADDRESS)
        assert (found.cluster, found.problem) == (None, Note("cluster_not_public"))


def test_a_kind_that_cannot_measure_is_named_with_the_reason_and_not_offered(connected, fake):
    fake._targets = (
        gpu_target("a", state="busy"),
        gpu_target("b"),
        cpu_target("c", "Lazy CPU", state="unfit", problem=Note("look_stopped")),
    )
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    visitor = connected.visit()
    said = texts(visitor)
    assert f"**NVIDIA {TEST_GPU}**  \n2 machines · 1 of 2 busy" in said
    assert "**Lazy CPU**  \n1 machine · can't measure" in said
    assert sentence("look_stopped") in said
    assert visitor.pills(key="devices").options[-1] == f"NVIDIA {TEST_GPU} · cluster"


def test_every_kind_at_once(connected):
    visitor = connected.visit()
    visitor.button(key="every_kind").click().run()
    assert visitor.pills(key="devices").value == ["cpu", CPU_KIND, OTHER, GPU_KIND]
    assert visitor.query_params["devices"] == f"cpu,{CPU_KIND},{OTHER},{GPU_KIND}"
    assert not visitor.button(key="run").disabled


def test_a_link_to_a_kind_that_is_not_there_says_so_and_keeps_the_rest(connected):
    visitor = connected.visit(devices="cpu,@NVIDIA B200", epochs="5")
    assert [note.value.partition(". ")[0] for note in visitor.warning] == [
        "These kinds of device are chosen and can't be had now: NVIDIA B200"
    ]
    assert visitor.slider(key="epochs").value == 5
    assert visitor.query_params["devices"] == "cpu,@NVIDIA B200"
    assert not visitor.button(key="run").disabled
    choose(visitor, "@NVIDIA B200")
    assert visitor.button(key="run").disabled


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
        r"CPU · Other (2 that may change speed: cpu.model, cpu.physical\_cores)",
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


def test_more_kinds_than_pills_can_show_are_listed_in_a_menu(connected, fake):
    fake._targets = tuple(cpu_target(f"n{i}", f"Kind {i}") for i in range(60))
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    visitor = connected.visit(devices="cpu")
    visitor.multiselect(key="devices").set_value(["cpu", "@Kind 7"]).run()
    assert not visitor.exception
    assert visitor.query_params["devices"] == "cpu,@Kind 7"
    visitor.button(key="every_kind").click().run()
    again = connected.visit(devices=visitor.query_params["devices"])
    assert len(again.multiselect(key="devices").value) == 61
    assert len(again.warning) == 0


def test_a_busy_machine_is_waited_for_and_said_so(connected, fake):
    fake.script = lambda spec, target: iter([threading.Event()])  # never placed
    visitor = connected.visit(devices=GPU_KIND)
    visitor.button(key="run").click().run()
    assert visitor.get("progress")[0].proto.text.endswith("Waiting for the machine")
    assert fake.sent == [] or fake.sent[0][3] == 600.0
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
    visitor.button(key="run").click().run()
    ended(connected, visitor)
    assert not visitor.exception
    assert sorted(item[2].node for item in fake.sent) == ["a", "b"]
    assert len(visitor.metric) == 2
    assert visitor.query_params["every_machine"] == "1"
