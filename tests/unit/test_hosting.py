"""What the environment says about a public server, who may change what, and the admin's door."""

import tomllib
from pathlib import Path

import pytest

from core import messages
from core.errors import InputError
from core.hosting import Door, Hosting, from_environment, may_change

ROOT = Path(__file__).resolve().parents[2]
KEY = "a long enough key"


def test_without_variables_the_server_is_its_owners():
    assert from_environment({}) == Hosting(False, None, None, False)
    assert from_environment({"CROSSOVER_PUBLIC": "0", "CROSSOVER_KEEP_DAYS": "7"}) == Hosting(keep_days=7)


@pytest.mark.parametrize("value", ["1", "true", "TRUE", " True "])
def test_a_public_server_keeps_runs_for_a_while(value):
    assert from_environment({"CROSSOVER_PUBLIC": value}) == Hosting(public=True, keep_days=30)


def test_all_of_it():
    env = {
        "CROSSOVER_PUBLIC": "1",
        "CROSSOVER_ADMIN_KEY": KEY,
        "CROSSOVER_KEEP_DAYS": "3",
        "CROSSOVER_TRUST_PROXY": "1",
    }
    found = from_environment(env)
    assert found == Hosting(True, KEY, 3, True)
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CROSSOVER_PUBLIC", "yes"),
        ("CROSSOVER_PUBLIC", "2"),
        ("CROSSOVER_TRUST_PROXY", "nginx"),
        ("CROSSOVER_ADMIN_KEY", "fifteen letters"),
        ("CROSSOVER_KEEP_DAYS", "0"),
        ("CROSSOVER_KEEP_DAYS", "-3"),
        ("CROSSOVER_KEEP_DAYS", "1.5"),
        ("CROSSOVER_KEEP_DAYS", "９"),
        ("CROSSOVER_KEEP_DAYS", "9" * 5000),
    ],
)
def test_what_makes_no_sense_is_told_and_never_taken_for_no(name, value):
    with pytest.raises(InputError) as refusal:
        from_environment({name: value})
    assert (refusal.value.code, refusal.value.facts["name"]) == ("bad_variable", name)
    told = messages.sentence(refusal.value.code, refusal.value.facts)
    assert name in told
    assert value not in told or len(value) < 3, "it may be a key"


@pytest.mark.parametrize(
    ("owner", "public", "admin", "may"),
    [
        ("me", True, False, True),
        ("other", True, False, False),
        (None, True, False, False),
        ("other", True, True, True),
        (None, True, True, True),
        ("other", False, False, True),
        (None, False, False, True),
    ],
)
def test_who_may_change_a_run(owner, public, admin, may):
    assert may_change(owner, "me", Hosting(public=public), admin) is may


class TestDoor:
    @pytest.fixture
    def now(self):
        return [100.0]

    @pytest.fixture
    def door(self, now):
        return Door(KEY, lambda: now[0])

    def refused(self, door, given):
        with pytest.raises(InputError) as refusal:
            door.open(given)
        return refusal.value.code, refusal.value.facts

    def test_the_key_opens(self, door):
        door.open(KEY)

    @pytest.mark.parametrize("given", ["", KEY[:-1], KEY + "x", KEY.upper(), "钥匙"])
    def test_nothing_else_does(self, door, given):
        assert self.refused(door, given) == ("wrong_key", {})

    def test_without_a_key_nobody_is_an_admin(self):
        assert self.refused(Door(None), "") == ("wrong_key", {})

    def test_after_five_wrong_ones_even_the_key_must_wait(self, door, now):
        for _ in range(5):
            assert self.refused(door, "guess")[0] == "wrong_key"
            now[0] += 5.0
        assert self.refused(door, KEY) == ("too_many_tries", {"seconds": 35})
        now[0] += 34.0
        assert self.refused(door, KEY) == ("too_many_tries", {"seconds": 1})
        now[0] += 1.0
        door.open(KEY)


def test_the_servers_own_protection_is_on():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"].get("enableXsrfProtection", True) is True
    assert config["server"].get("enableCORS", True) is True
    assert config["server"]["maxUploadSize"] <= 32
