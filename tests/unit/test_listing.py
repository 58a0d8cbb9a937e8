"""Stored runs and those in memory are one list: each run once, in whole pages, and no more read than those."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import InputError
from core.records import Device, Note, RunSpec, Setup, Workload
from core.runs import listing
from core.runs.listing import Listing
from core.runs.queue.keeping import listed
from core.runs.store import Store
from core.runs.wanted import Choices, Order, Wanted
from tests.builders import make_environment, make_gpu_result, make_result, make_spec, make_uniform_blocks

DAYS = [f"2026-11-{day:02}T10:00:00+00:00" for day in range(1, 5)]
ORDERS = typing.get_args(Order)
ALL = Wanted()


def run(run_id, day=0, **changes):
    whole = {"id": run_id, "job_id": f"job-{run_id}", "created_at": DAYS[day], "telemetry": None}
    return make_result(**(whole | {"blocks": make_uniform_blocks([0.4, 0.41]), "epochs": ()} | changes))


def on(name, run_id, **changes):
    environment = make_environment(device=Device("cuda:0", name))
    return run(run_id, environment=environment, **({"spec": make_spec(device="cuda:0")} | changes))


def away(kind, run_id, **changes):
    """What a cluster measured on a machine of that kind."""
    return run(run_id, notes=(Note("through_ray", {"kind": kind, "ray": "2.50"}),), **changes)


def row(result, **numbers):
    """As a list shows it, with numbers of the test's own."""
    return dataclasses.replace(listing._row(result), **numbers)


def sorted_plainly(rows, order):
    """The store's orders, told in another way: step by step."""
    newest = sorted(rows, key=lambda one: (one.created_at, one.id), reverse=True)
    if order in ("newest", "oldest"):
        return newest if order == "newest" else newest[::-1]
    field = {"fastest": "samples_per_s", "shortest_epoch": "epoch_s", "most_accurate": "test_accuracy"}[order]
    known = [one for one in newest if getattr(one, field) is not None]
    known.sort(key=lambda one: getattr(one, field) * (1 if order == "shortest_epoch" else -1))
    return known + [one for one in newest if getattr(one, field) is None]


class FakeStore:
    """Rows in a list; remembers how many were asked for."""

    def __init__(self, rows=()):
        self.rows, self.most_read = list(rows), 0

    def find(self, wanted, order, limit, offset):
        self.most_read = max(self.most_read, limit)
        return tuple(sorted_plainly(self.rows, order)[offset : offset + limit])

    def count_wanted(self, wanted):
        return len(self.rows)

    def kept(self, run_ids):
        return frozenset(one.id for one in self.rows) & frozenset(run_ids)


NUMBER = some.sampled_from([None, 0.5, 1.0, 2.0])
NUMBERS = some.tuples(some.sampled_from(range(len(DAYS))), NUMBER, NUMBER, NUMBER)


def numbered(prefix, drawn):
    return [
        row(run(f"{prefix}{i}", day), samples_per_s=rate, epoch_s=epoch, test_accuracy=accuracy)
        for i, (day, rate, epoch, accuracy) in enumerate(drawn)
    ]


@given(
    stored=some.lists(NUMBERS, max_size=12),
    others=some.lists(NUMBERS, max_size=6),
    order=some.sampled_from(ORDERS),
    size=some.integers(1, 5),
)
def test_pages_together_are_the_whole_list_in_its_order(stored, others, order, size):
    stored, others = numbered("s", stored), numbered("m", others)
    everything = Listing(FakeStore(stored), ())
    everything._matching = lambda wanted: tuple(others)
    pages = [
        everything.find(ALL, order, size, offset) for offset in range(0, len(stored + others) + size, size)
    ]
    assert [one.id for page in pages for one in page] == [
        one.id for one in sorted_plainly(stored + others, order)
    ]
    assert all(len(page) == size for page in pages[: len(stored + others) // size])
    assert everything.count(ALL) == len(stored + others)


def test_a_late_page_reads_no_more_of_the_store_than_itself_and_the_runs_in_memory():
    store = FakeStore(row(run(f"s{i:04}")) for i in range(500))
    others = [run("m1"), run("m2", 3)]
    assert len(Listing(store, others).find(ALL, "newest", 20, 400)) == 20
    assert store.most_read == 22


ENDLESS = "".join(chr(0x4E00 + i) for i in range(9000))


@pytest.mark.parametrize(
    "result",
    [make_gpu_result(), away(ENDLESS, "away", environment=make_environment(device=Device("cpu", ENDLESS)))],
    ids=["here", "away"],
)
def test_a_run_in_memory_has_the_same_row_as_if_it_were_stored(url, result):
    store = Store(url)
    store.add_runs([(result, listed(result))])
    (stored,) = Listing(store, ()).find(ALL, "newest", 5, 0)
    store.close()
    (held,) = Listing(None, [result]).find(ALL, "newest", 5, 0)
    assert held == stored
    assert held.quality is not None
    assert None not in (held.samples_per_s, held.device_name)


def test_what_is_stored_and_recorded_is_listed_once_as_it_is_stored(url):
    both, only = run("both"), run("only", 1, origin="recorded")
    store = Store(url)
    store.add_runs([(both, listed(both))])
    store.rename("both", "mine")
    together = Listing(store, [dataclasses.replace(both, origin="recorded"), only, only])
    found = together.find(ALL, "newest", 10, 0)
    assert [(one.id, one.name, one.origin) for one in found] == [
        ("only", None, "recorded"),
        ("both", "mine", "measured"),
    ]
    assert together.count(ALL) == 2
    assert [together.run(run_id).origin for run_id in ("only", "both")] == ["recorded", "measured"]
    assert [together.row(run_id) for run_id in ("only", "both", "none")] == [*found, None]
    store.close()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'crossover.sqlite3'}"


WANTED = [
    (Wanted(), {"cpu", "gpu", "old"}),
    (Wanted(models=("cnn", "mlp")), {"cpu", "gpu", "old"}),
    (Wanted(models=("cnn",)), {"gpu"}),
    (Wanted(datasets=("cifar10",)), {"old"}),
    (Wanted(devices=("NVIDIA X", "none")), {"gpu"}),
    (Wanted(origins=("recorded",)), {"old"}),
    (Wanted(qualities=("good",)), set()),
    (Wanted(qualities=("usable", "doubtful")), {"cpu", "gpu", "old"}),
    (Wanted(text="  "), {"cpu", "gpu", "old"}),
    (Wanted(text="any"), set()),
    (Wanted(since=DAYS[2]), {"cpu", "gpu"}),
    (Wanted(until=DAYS[2]), {"old"}),
    (Wanted(since=DAYS[0], until=DAYS[1], origins=("measured",)), set()),
    (Wanted(machines=(None,)), {"cpu", "gpu"}),
    (Wanted(machines=("big",)), set()),
]


MACHINES = [
    ((None,), {"here"}),
    (("big",), {"big", "from a file"}),
    (("small", None), {"small", "here"}),
    ((ENDLESS[:200],), {"endless"}),
    ((None, "big", "small", ENDLESS[:200]), {"here", "big", "small", "from a file", "endless"}),
    (("none",), set()),
]


@pytest.mark.parametrize(("machines", "expected"), MACHINES, ids=[str(i) for i in range(len(MACHINES))])
def test_a_cluster_s_machines_are_told_apart_and_from_this_one(url, machines, expected):
    everything = (
        run("here"),
        away("big", "big"),
        away("small", "small"),
        away("big", "from a file", origin="imported"),
        away(ENDLESS, "endless"),
        run("another's", origin="imported"),
        run("shipped", origin="recorded"),
    )
    store = Store(url)
    store.add_runs([(result, listed(result)) for result in everything])
    for one in (Listing(None, everything), Listing(store, ())):
        wanted = Wanted(machines=machines)
        assert {found.id for found in one.find(wanted, "newest", 10, 0)} == expected
        assert one.count(wanted) == len(expected)
        assert one.choices().machines == ("big", "small", ENDLESS[:200])
    store.close()


@pytest.fixture
def three():
    return (
        run("cpu", 2),
        on("NVIDIA X", "gpu", created_at=DAYS[3], spec=make_spec(model="cnn", device="cuda:0")),
        run("old", 0, origin="recorded", spec=make_spec(dataset="cifar10")),
    )


@pytest.mark.parametrize(("wanted", "expected"), WANTED)
def test_runs_in_memory_are_filtered_as_stored_ones_are(three, url, wanted, expected):
    store = Store(url)
    store.add_runs([(result, listed(result)) for result in three])
    for one in (Listing(None, three), Listing(store, ())):
        assert {found.id for found in one.find(wanted, "fastest", 10, 0)} == expected
        assert one.count(wanted) == len(expected)
    store.close()


def test_choices_are_those_of_both(three, url):
    store = Store(url)
    store.add_runs([(three[0], listed(three[0]))])
    assert Listing(store, three[1:]).choices() == Choices(
        models=("cnn", "mlp"), datasets=("cifar10", "digits"), devices=("NVIDIA X", "Test CPU")
    )
    store.close()
    assert Listing(None, ()).choices() == Choices()


def test_whole_runs_come_in_the_order_of_their_ids(three, url):
    store = Store(url)
    store.add_runs([(three[0], listed(three[0]))])
    both = Listing(store, three[1:])
    assert both.runs(["old", "cpu"]) == (three[2], three[0])
    assert both.run("none") is None
    with pytest.raises(InputError) as refused:
        both.runs(["cpu", "x" * 500])
    assert refused.value.code == "unknown_run"
    assert refused.value.facts == {"run": "x" * 39 + "…"}
    store.close()


def test_rows_are_derived_once_for_the_same_run_and_anew_for_another_of_its_id(monkeypatch):
    derived = []
    monkeypatch.setattr(listing, "listed", lambda result: derived.append(result) or listed(result))
    one, namesake = run("namesake"), run("namesake", origin="imported")
    for other in (one, one, namesake):
        assert Listing(None, [other]).find(ALL, "newest", 1, 0)[0].origin == other.origin
    assert derived == [one, namesake]


# --- leaderboards


def test_boards_count_a_device_once_that_is_stored_and_in_memory(url):
    other = Workload(model="cnn")
    results = [
        run("a"),
        on("NVIDIA X", "b"),
        on("NVIDIA X", "c"),
        run("d", spec=RunSpec(other, Setup())),
        run("untimed", blocks=(), spec=RunSpec(Workload(seed=9), Setup())),
        run("no hardware", environment=None),
    ]
    expected = ((Workload(), 2, 3), (other, 1, 1))
    assert Listing(None, results).boards() == expected
    store = Store(url)
    store.add_runs([(result, listed(result)) for result in results[::2]])
    assert Listing(store, results[1::2]).boards() == expected
    assert Listing(store, results).boards() == expected
    store.delete_runs(["c"], DAYS[3])
    assert Listing(store, ()).boards() == ((Workload(), 1, 1),)
    store.close()


def test_contenders_are_the_newest_runs_of_each_devices_fastest_setups(url):
    resident, loader = make_spec(device="cuda:0"), make_spec(device="cuda:0", data_path="loader")
    stored = [on("NVIDIA X", f"x{day}", created_at=DAYS[day], spec=resident) for day in range(4)]
    stored += [on("NVIDIA Y", "y", spec=loader), run("other", spec=make_spec(batch_size=32))]
    stored += [on("NVIDIA Z", "half", spec=make_spec(device="cuda:0", precision="bf16"))]
    store = Store(url)
    store.add_runs([(result, listed(result)) for result in stored])
    both = Listing(store, [run("recorded", origin="recorded"), run("elsewhere", spec=make_spec(seed=3))])
    assert {one.id for one in both.contenders(Workload())} == {"recorded", "x3", "x2", "x1", "y"}
    assert {one.id for one in both.contenders(Workload(), None)} >= {"half", "y"}
    store.close()


def test_a_faster_kind_of_machine_leaves_no_slower_one_of_its_processor_out(url):
    slow = away("slow", "slow", created_at=DAYS[0])
    fast = [
        away("fast", f"{threads}-{day}", created_at=DAYS[day], spec=make_spec(threads=threads))
        for threads in (1, 2, 4, 8)
        for day in range(1, 4)
    ]
    fast = [dataclasses.replace(one, blocks=make_uniform_blocks([0.1, 0.11])) for one in fast]
    store = Store(url)
    store.add_runs([(result, listed(result)) for result in (slow, *fast)])
    assert "slow" in {one.id for one in Listing(store, ()).contenders(Workload())}
    store.close()
