"""The dashboard as a public demo: what it offers, and that neither address nor session gets past it."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from core.errors import InputError
from core.messages import sentence
from core.records import Workload
from core.runs.admission import Limits, check
from pages._shared import resources, visitor
from tests.builders import make_result, make_spec
from tests.pages.reading import errors, texts

KEY = "a key of the owner"


@pytest.fixture(autouse=True)
def public(monkeypatch):
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    monkeypatch.setenv("CROSSOVER_ADMIN_KEY", KEY)


def pressed(dashboard, **parameters):
    """A visitor who has pressed Run, and the id of the job."""
    guest = dashboard.visit(**parameters)
    guest.button(key="run").click().run()
    assert not guest.exception
    return guest, guest.query_params.get("job")


def test_only_what_is_allowed_is_offered(dashboard):
    guest = dashboard.visit()
    assert not guest.exception
    assert guest.selectbox(key="model").options == ["mlp", "cnn", "mobilenet_v3_small"]
    assert guest.selectbox(key="dataset").options == ["digits", "synthetic"]
    assert guest.slider(key="epochs").max == 10
    assert guest.number_input(key="max_seconds").max == 30
    guest.selectbox(key="model").set_value("mobilenet_v3_small").run()
    assert guest.select_slider(key="batch_size").options[-1] == "128"
    assert [note.value for note in guest.info if "public demo" in note.value]
    assert "No GPU here" not in texts(guest)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "vit_b_16"),
        ("dataset", "folder:/etc"),
        ("dataset", "mnist"),
        ("dataset", "synthetic:3x224x224"),
        ("epochs", "1000"),
        ("batch_size", "65536"),
        ("max_seconds", "3600"),
        ("seed", "77"),
    ],
)
def test_the_address_gets_nobody_past_the_bounds(dashboard, name, value):
    guest = dashboard.visit(**{name: value})
    assert f"`{name}`" in guest.warning[0].value
    guest.button(key="run").click().run()
    spec = dashboard.runner.job(guest.query_params["job"]).spec
    assert str(getattr(spec.workload, name, spec.max_seconds)) != value


@pytest.mark.parametrize(
    ("work", "told"),
    [
        ({"dataset": "folder:/etc"}, "digits and synthetic images, not folder:/etc"),
        ({"dataset": "cifar10"}, "digits and synthetic images, not cifar10"),
        ({"dataset": "synthetic:3x224x224"}, "synthetic:3x224x224 is too much"),
        ({"model": "resnet152"}, "not resnet152"),
        ({"epochs": 500}, "epochs must be from 1 to 10"),
        ({"batch_size": 65_536}, "batch_size must be from 1 to 4096"),
    ],
)
def test_a_link_to_a_larger_measurement_shows_it_and_repeats_it_not(dashboard, work, told):
    """The controls then hold what no widget offers."""
    job_id = dashboard.keep(make_result(spec=make_spec(**work)))
    guest = dashboard.visit(job=job_id)
    assert not guest.exception
    assert guest.header, "it can be looked at"
    guest.button(key="run").click().run()
    assert not guest.exception
    assert guest.query_params["job"] == job_id
    assert len(errors(guest)) == 1
    assert told in errors(guest)[0].replace("\\", "")
    assert dashboard.runner.open_jobs() == []


def test_what_a_browser_sends_beyond_its_widgets_changes_nothing(dashboard):
    guest = dashboard.visit()
    guest.slider(key="epochs").set_value(500)
    guest.number_input(key="max_seconds").set_value(3600)
    guest.button(key="run").click().run()
    assert not guest.exception
    (job,) = dashboard.runner.open_jobs()
    check(job.spec, Limits.public())


def test_the_ladder_and_compiled_steps_are_for_machines_of_ones_own(dashboard):
    guest = dashboard.visit(page="pages/optimise.py")
    assert not guest.exception
    assert guest.button(key="optimise").disabled
    assert sentence("no_climbs_here", {}) in texts(guest)
    with pytest.raises(InputError, match="no_climbs_here"):  # and where no widget asks
        resources.optimiser().start(Workload(), "cpu")
    guest = dashboard.visit(page="pages/sequence.py", execution="whole")
    assert not guest.exception
    assert "`execution`" in guest.warning[0].value
    assert "sequence_execution" not in [radio.key for radio in guest.radio]
    assert dashboard.runner.open_jobs() == []


def test_each_visitor_has_one_at_a_time_and_is_told_when_to_return(dashboard):
    guest, job_id = pressed(dashboard)
    guest.slider(key="epochs").set_value(5).run()
    guest.button(key="run").click().run()
    assert errors(guest)[0].startswith("A measurement of yours isn't over yet")
    assert len(dashboard.runner.open_jobs()) == 1
    assert dashboard.runner.job(job_id).visitor == guest.session_state["visitor"]
    assert dashboard.store.job(job_id).visitor == guest.session_state["visitor"]


def test_others_jobs_are_seen_and_not_cancelled(dashboard):
    guest, job_id = pressed(dashboard)
    other = dashboard.visit(job=job_id)
    third = dashboard.visit()
    for stranger in (other, third):
        assert "Cancel" not in [button.label for button in stranger.button]
    assert third.expander[0].label == "Other measurements here: 1"
    assert f"cancel-{job_id}" in [button.key for button in guest.button]
    guest.button(key=f"cancel-{job_id}").click().run()
    assert not guest.exception
    dashboard.finished(job_id)
    assert dashboard.runner.job(job_id).state == "cancelled"


class TestTheAdmin:
    def entered(self, guest, key):
        guest.text_input(key="admin_key").input(key)
        next(button for button in guest.button if button.label == "Enter").click().run()
        assert not guest.exception

    def test_comes_in_by_the_key_and_may_cancel_anything(self, dashboard):
        _, job_id = pressed(dashboard)
        owner = dashboard.visit(job=job_id)
        self.entered(owner, KEY)
        assert owner.session_state["admin"] is True
        owner.button(key=f"cancel-{job_id}").click().run()
        dashboard.finished(job_id)
        owner.run()
        next(button for button in owner.button if button.label == "Leave admin").click().run()
        assert "admin" not in owner.session_state

    def test_isnt_let_in_by_another_key_nor_by_the_address(self, dashboard):
        guest = dashboard.visit(admin="1", admin_key=KEY)
        assert "admin" not in guest.session_state
        for _ in range(5):
            self.entered(guest, "this is not the key")
            guest.run()
        self.entered(guest, KEY)
        assert "admin" not in guest.session_state
        other = dashboard.visit()
        self.entered(other, KEY)  # the tries are the server's, not the visitor's
        assert "admin" not in other.session_state
        assert errors(other)[0].startswith("Too many wrong keys")

    def test_has_no_door_at_home(self, dashboard, monkeypatch):
        monkeypatch.delenv("CROSSOVER_PUBLIC")
        st.cache_resource.clear()
        guest = dashboard.visit()
        assert "Admin" not in [item.label for item in guest.expander]
        assert dashboard.runner.limits == Limits()


@pytest.mark.parametrize("name", ["CROSSOVER_PUBLIC", "CROSSOVER_KEEP_DAYS"])
def test_a_slip_in_a_variable_opens_nothing(dashboard, monkeypatch, name):
    assert dashboard.runner  # the fixture's own
    monkeypatch.setenv(name, "ja")
    resources.hosting.clear()
    guest = dashboard.visit()
    assert not guest.exception
    assert len(errors(guest)) == 1
    assert name in errors(guest)[0]
    assert not guest.button
    monkeypatch.setenv(name, "1")
    resources.hosting.clear()


class TestWhoIsAsking:
    @pytest.fixture
    def session(self, monkeypatch):
        """A session of its own, outside of any page."""
        found = {}
        monkeypatch.setattr(visitor.st, "session_state", found)
        monkeypatch.setattr(visitor, "_cookie", lambda: found.get("cookie", ""))
        monkeypatch.setattr(visitor, "_address", lambda trust_proxy: found.get("address"))
        return found

    def seen(self, session, **given):
        session.clear()
        session.update(given)
        return visitor.me(), visitor.network()

    def test_a_browser_by_its_cookie_however_that_is_masked(self, session):
        token = b"0123456789abcdef"
        first, second = (generate_xsrf_token_string(token) for _ in range(2))
        assert first != second
        assert self.seen(session, cookie=first) == self.seen(session, cookie=second)
        assert self.seen(session, cookie=generate_xsrf_token_string()) != self.seen(session, cookie=first)
        assert token.hex() not in visitor.me()

    @pytest.mark.parametrize("cookie", ["", "2|x|y|z", "nonsense", "2|||"])
    def test_without_a_cookie_each_session_is_its_own(self, session, cookie):
        assert self.seen(session, cookie=cookie) != self.seen(session, cookie=cookie)
        assert visitor.me() == visitor.me() == visitor.network()

    def test_a_network_by_its_address_of_which_nothing_is_left(self, session):
        (ann, near), (bob, too) = (self.seen(session, address="203.0.113.7") for _ in range(2))
        assert ann != bob
        assert near == too
        assert "203" not in near
        assert self.seen(session, address="203.0.113.8")[1] != near

    def test_the_second_half_of_an_ipv6_address_makes_no_new_network(self, session):
        networks = [
            self.seen(session, address=address)[1]
            for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1")
        ]
        assert networks[0] == networks[1] != networks[2]


class TestBehindAProxy:
    @pytest.fixture
    def context(self, monkeypatch):
        from types import SimpleNamespace

        monkeypatch.undo()

        def use(*forwarded):
            headers = SimpleNamespace(get_all=lambda name: list(forwarded))
            monkeypatch.setattr(visitor.st, "context", SimpleNamespace(headers=headers, ip_address="10.0.0.1"))

        return use

    @pytest.mark.parametrize(
        ("forwarded", "trusted", "found"),
        [
            (("1.2.3.4, 5.6.7.8",), True, "5.6.7.8"),  # the first is what the visitor says
            (("1.2.3.4", "5.6.7.8"), True, "5.6.7.8"),
            ((), True, "10.0.0.1"),
            (("1.2.3.4",), False, "10.0.0.1"),
        ],
    )
    def test_the_proxys_own_word_counts_and_only_where_it_is_trusted(self, context, forwarded, trusted, found):
        context(*forwarded)
        assert visitor._address(trusted) == found
