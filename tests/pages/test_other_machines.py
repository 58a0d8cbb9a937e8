"""The sidebar's part on other machines: connecting, what there is, what can be chosen, letting go."""

from __future__ import annotations

import threading

import pytest

from core.errors import MeasurementError
from core.messages import sentence
from core.records import Note
from core.runs.admission import Limits
from core.runs.elsewhere import cluster
from pages._shared import resources
from tests.builders import TEST_GPU
from tests.fake_targets import cpu_target, endless, gpu_target
from tests.pages.clustered import ADDRESS, CPU_KIND, GPU_KIND, OTHER, choose, ended
from tests.pages.reading import errors, texts

pytestmark = pytest.mark.usefixtures("fake")


def expander(visitor):
    return next(item for item in visitor.expander if item.label == "Other machines")


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


def test_nobody_disconnects_what_somebody_is_measuring_on(connected, fake):
    """Not by a page that was drawn before it began, either."""
    fake.script = endless
    other = connected.visit()
    visitor = connected.visit(devices=CPU_KIND)
    visitor.button(key="run").click().run()
    fake.wait_until_sent()
    assert not other.button(key="disconnect").disabled
    other.button(key="disconnect").click().run()
    assert not fake.closed
    assert other.button(key="disconnect").disabled
    visitor.button(key=f"cancel-{visitor.query_params['job']}").click().run()
    ended(connected, visitor)


def test_more_kinds_than_pills_can_show_are_listed_in_a_menu(connected, fake):
    fake._targets = tuple(cpu_target(f"n{i}", f"Kind {i}", machine=None) for i in range(59))
    fake._targets += (cpu_target("marked", "Kind_*59*", machine=None),)
    resources.clusters().look(ADDRESS)
    resources.clusters().wait(ADDRESS)
    visitor = connected.visit(devices="cpu")
    shown = visitor.multiselect(key="devices")
    assert shown.options[-1] == "Kind_*59* · cluster", "a menu reads no Markdown"
    shown.set_value(["cpu", "@Kind 7"]).run()
    assert not visitor.exception
    assert visitor.query_params["devices"] == "cpu,@Kind 7"
    visitor.button(key="every_kind").click().run()
    again = connected.visit(devices=visitor.query_params["devices"])
    assert len(again.multiselect(key="devices").value) == 61
    assert len(again.warning) == 0


def test_a_look_that_fails_is_told_beside_what_is_known(connected, fake, monkeypatch):
    def fail():
        raise MeasurementError("cluster_silent", seconds=40.0)

    monkeypatch.setattr(fake, "targets", fail)
    visitor = connected.visit()
    visitor.button(key="look_again").click().run()
    resources.clusters().wait(ADDRESS)
    visitor.run()
    assert errors(visitor) == [sentence("cluster_silent", {"seconds": 40.0})]
    assert not fake.closed
    assert "Test CPU · cluster" in visitor.pills(key="devices").options
