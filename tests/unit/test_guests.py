"""Imports of a public server's visitors: each sees their own, within bounds, for a day."""

import threading

import pytest

from core.errors import InputError
from core.runs.guests import GuestImports, GuestLimits
from tests.builders import make_result

SMALL = GuestLimits(runs=4, visitor_bytes=100, all_bytes=250, keep_s=50.0)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def guests(now):
    return GuestImports(SMALL, lambda: now[0])


def runs(*ids):
    return [make_result(id=run_id) for run_id in ids]


def ids(guests, visitor):
    return [run.id for run in guests.runs(visitor)]


def test_each_sees_their_own(guests):
    guests.add("ann", runs("a", "b"), 10)
    guests.add("bob", runs("a"), 10)
    guests.add("ann", runs("c"), 10)
    assert (ids(guests, "ann"), ids(guests, "bob"), ids(guests, "eve")) == (["a", "b", "c"], ["a"], [])
    assert guests.run("ann", "b").id == "b"
    assert guests.run("bob", "b") is None


def test_what_is_there_already_is_left_as_it_is(guests):
    first, again = runs("a", "a")
    guests.add("ann", [first], 60)
    guests.add("ann", [again], 60)  # no bytes either
    assert guests.runs("ann")[0] is first
    guests.add("ann", [*runs("b", "b")], 10)
    assert ids(guests, "ann") == ["a", "b"]


@pytest.mark.parametrize(
    ("more", "size", "code"), [(["c", "d", "e"], 1, "guest_too_many"), (["c"], 51, "guest_too_large")]
)
def test_too_much_is_refused_whole(guests, more, size, code):
    guests.add("ann", runs("a", "b"), 50)
    with pytest.raises(InputError) as refusal:
        guests.add("ann", runs(*more), size)
    assert refusal.value.code == code
    assert ids(guests, "ann") == ["a", "b"]


def test_over_the_bound_of_all_the_oldest_give_way(guests, now):
    for number, visitor in enumerate(["ann", "bob", "cy"]):
        now[0] = float(number)
        guests.add(visitor, runs(visitor), 100)
    assert [ids(guests, visitor) for visitor in ("ann", "bob", "cy")] == [[], ["bob"], ["cy"]]


def test_a_flood_of_names_takes_no_more_room(guests):
    for number in range(2000):
        guests.add(f"visitor {number}", runs("a"), 10)
    assert len(guests._files) == 25


def test_all_is_forgotten_in_time(guests, now):
    guests.add("ann", runs("a"), 100)
    now[0] = 49.0
    assert ids(guests, "ann") == ["a"]
    now[0] = 50.0
    assert ids(guests, "ann") == []
    assert guests._files == {}
    guests.add("ann", runs("b"), 100)


def test_what_is_removed_makes_room(guests):
    guests.add("ann", runs("a", "b"), 50)
    guests.add("ann", runs("c"), 50)
    guests.remove("ann", ["c", "nothing"])
    guests.remove("bob", ["a"])
    assert ids(guests, "ann") == ["a", "b"]
    guests.add("ann", runs("d"), 50)


def test_many_at_once(guests):
    together = threading.Barrier(8)

    def visit(name):
        together.wait()
        for number in range(4):
            guests.add(name, runs(f"{name}{number}"), 1)

    threads = [threading.Thread(target=visit, args=(f"v{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(ids(guests, f"v{number}")) for number in range(8)] == [4] * 8
