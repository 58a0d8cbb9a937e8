"""The lists of the store, on every database: filtered, sorted, paged, counted; names and tags."""

from __future__ import annotations

import dataclasses

import pytest

from core.errors import InputError
from core.records import Note, Workload
from core.runs.store import RunSummary
from core.runs.wanted import Choices, Wanted
from tests.builders import TEST_GPU, make_gpu_result
from tests.databases import edit
from tests.stored import GPU, WORK, at, run

BIG = Note("through_ray", {"kind": "big", "ray": "2.50"})


def ids(store, order="newest", limit=50, offset=0, **wanted):
    return [row.id for row in store.find(Wanted(**wanted), order, limit, offset)]


def count(store, **wanted):
    return store.count_wanted(Wanted(**wanted))


def test_each_order_puts_what_is_not_measured_last_and_of_equals_the_newer_first(any_store):
    summaries = {
        "a": RunSummary(5.0, 2.0, 0.5),
        "b": RunSummary(None, None, None),
        "c": RunSummary(7.0, 1.0, 0.0),
        "d": RunSummary(5.0, 2.0, 0.5),
        "e": RunSummary(5.0, 2.0, 0.5),
        "f": RunSummary(None, 0.0, 0.9),
    }
    seconds = {"a": 3, "b": 9, "c": 1, "d": 3, "e": 2, "f": 5}
    any_store.add_runs([(run(name, second=seconds[name]), summaries[name]) for name in "fedcba"])
    assert ids(any_store, "newest") == list("bfdaec")
    assert ids(any_store, "oldest") == list("ceadfb")
    assert ids(any_store, "fastest") == list("cdaebf")
    assert ids(any_store, "shortest_epoch") == list("fcdaeb")
    assert ids(any_store, "most_accurate") == list("fdaecb")
    assert ids(any_store, "fastest", limit=2, offset=1) == ["d", "a"]


def test_times_and_ids_are_compared_byte_by_byte(any_store):
    for name, time in {"b": at(1), "a": "2026-11-22T18:00:01.500+00:00", "B": at(1), "_": at(1)}.items():
        any_store.add_run(run(name, created_at=time))
    assert ids(any_store, "oldest") == ["B", "_", "b", "a"]


def test_runs_are_filtered_by_each_field_and_by_all(any_store):
    cnn = Workload(model="cnn", dataset="synthetic")
    any_store.add_run(run("a", second=1), quality="good")
    any_store.add_run(run("b", second=2, workload=cnn), quality="doubtful")
    any_store.add_run(run("c", second=3, origin="imported", environment=None))
    any_store.add_run(dataclasses.replace(make_gpu_result(), id="d", created_at=at(4)), quality="usable")
    any_store.add_run(run("e", second=5, notes=(BIG,)))
    for wanted, expected in (
        ({}, "edcba"),
        ({"models": ("cnn",)}, "b"),
        ({"models": ("cnn", "mlp")}, "edcba"),
        ({"datasets": ("synthetic",)}, "b"),
        ({"devices": ("NVIDIA " + TEST_GPU,)}, "d"),
        ({"devices": ("none",)}, ""),
        ({"origins": ("imported",)}, "c"),
        ({"qualities": ("good", "usable")}, "da"),
        ({"machines": ("big",)}, "e"),
        ({"machines": (None,)}, "dba"),
        ({"machines": ("big", None), "models": ("mlp",)}, "eda"),
        ({"since": at(2)}, "edcb"),
        ({"until": at(2)}, "a"),
        ({"since": at(2), "until": at(4), "origins": ("measured",)}, "b"),
    ):
        assert ids(any_store, **wanted) == list(expected), wanted
        assert count(any_store, **wanted) == len(expected), wanted


def test_what_can_be_chosen_is_what_is_stored(any_store):
    assert any_store.choices() == Choices()
    any_store.add_run(run("a"))
    any_store.add_run(run("b", environment=None, workload=Workload(model="cnn", dataset="synthetic")))
    any_store.add_run(run("gone", workload=Workload(model="gone")))
    any_store.add_run(run("away", notes=(BIG,)))
    any_store.delete_runs(["gone"], at(9))
    assert any_store.choices() == Choices(("cnn", "mlp"), ("digits", "synthetic"), ("Test CPU",), ("big",))


def test_timed_workloads_are_counted_by_device(any_store):
    any_store.add_run(run("a"), samples_per_s=1.0)
    any_store.add_run(run("b", setup=GPU), samples_per_s=2.0)
    any_store.add_run(run("c", environment=None), samples_per_s=2.0)
    any_store.add_run(run("untimed", workload=Workload(seed=1)))
    any_store.add_run(run("other", workload=Workload(seed=2)), samples_per_s=1.0)
    any_store.add_run(run("gone", workload=Workload(seed=2)), samples_per_s=1.0)
    any_store.delete_runs(["gone"], at(9))
    expected = {(WORK, "Test CPU", 2), (WORK, None, 1), (Workload(seed=2), "Test CPU", 1)}
    found = any_store.timed_workloads()
    assert set(found) == expected
    assert len(found) == 3


# --- names and tags


def test_a_name_and_tags_are_listed_kept_and_taken_away(any_store):
    any_store.add_run(run("a", status="interrupted"))
    assert any_store.rename("a", "  First try, é 第一 ")
    assert any_store.tag("a", ["laptop", " on mains ", "", "laptop", '"x", [y]\\'])
    any_store.add_run(run("a"))  # its last part
    (row,) = any_store.history()
    assert (row.status, row.name) == ("finished", "First try, é 第一")
    assert row.tags == ("laptop", "on mains", '"x", [y]\\')
    assert any_store.rename("a", "  ")
    assert any_store.tag("a", ())
    (row,) = any_store.find(Wanted(), "newest", 9, 0)
    assert (row.name, row.tags) == (None, ())
    assert not any_store.rename("none", "x")
    assert not any_store.tag("none", ["x"])


@pytest.mark.parametrize("name", ["x" * 81, "a\nb", "a\tb", "a\0b", "\ud800", "a\u202eb", "a\u2028b", "\x85"])
def test_a_name_that_is_no_line_of_text_is_refused(sqlite_store, name):
    sqlite_store.add_run(run("a"))
    for change in (sqlite_store.rename, lambda run_id, text: sqlite_store.tag(run_id, ["fine", text])):
        with pytest.raises(InputError) as refusal:
            change("a", name)
        assert refusal.value.code in ("bad_run_name", "bad_tags")
    assert (sqlite_store.history()[0].name, sqlite_store.history()[0].tags) == (None, ())


def test_names_and_tags_are_bounded(any_store):
    any_store.add_run(run("a"))
    many = [f"{number:030}" for number in range(10)]
    assert any_store.tag("a", [*many, many[0]])
    assert any_store.rename("a", "字" * 80)
    assert any_store.history()[0].tags == tuple(many)
    for tags in ([*many, "one more"], ["x" * 31]):
        with pytest.raises(InputError) as refusal:
            any_store.tag("a", tags)
        assert refusal.value.code == "bad_tags"
        assert refusal.value.facts == {"most": 10, "limit": 30}


def test_text_is_looked_for_in_names_and_in_each_tag_as_it_is_written(any_store):
    for name, (title, tags) in {
        "a": ("50% of a_b", ("Laptop", "on mains")),
        "b": ("ÉTÉ 第一次", ("x",)),
        "c": (None, ("50 of aXb", 'quo"te')),
        "d": (None, ()),
    }.items():
        any_store.add_run(run(name))
        any_store.rename(name, title)
        any_store.tag(name, tags)
    for text, expected in {
        "": "abcd",
        "  ": "abcd",
        "50": "ac",
        "50%": "a",
        "%": "a",
        "_": "a",
        "A_B": "a",
        "lapTOP": "a",
        " mains ": "a",
        "été": "b",
        "第一": "b",
        'o"t': "c",
        ",": "",
        "[": "",
        "/": "",
        "ptop\non": "",
        "\0": "",
        "\ud800": "",
        "x" * 100_000: "",
    }.items():
        assert sorted(ids(any_store, text=text)) == list(expected), text[:20]
        assert count(any_store, text=text) == len(expected), text[:20]


def test_a_device_and_a_machine_with_endless_names_are_stored(any_store):
    endless = "".join(chr(0x4E00 + i) for i in range(9000))
    plain = run("a", notes=(Note("through_ray", {"kind": endless, "ray": "2.50"}),))
    device = dataclasses.replace(plain.environment.device, name=endless)
    result = dataclasses.replace(plain, environment=dataclasses.replace(plain.environment, device=device))
    any_store.add_run(result)
    assert any_store.run("a") == result
    (row,) = any_store.history()
    assert row.device_name == row.elsewhere == endless[:200]
    any_store.add_run(plain, samples_per_s=1.0)
    assert any_store.latest_job(plain.spec.workload, elsewhere=endless) == plain.job_id


def test_no_list_reads_a_document(any_store, any_url):
    any_store.add_run(run("a"), 1.0, 1.0, 1.0, "good")
    any_store.rename("a", "name")
    edit(any_url, "UPDATE runs SET document = :bytes", bytes=b"not zlib")
    wanted = Wanted(("mlp",), ("digits",), ("Test CPU",), ("measured",), ("good",), "AM", at(0), at(1), (None,))
    for order in ("newest", "oldest", "fastest", "shortest_epoch", "most_accurate"):
        assert [row.id for row in any_store.find(wanted, order, 9, 0)] == ["a"]
    assert any_store.count_wanted(wanted) == 1
