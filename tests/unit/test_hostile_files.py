"""What comes from outside: refused by name, or read and then used everywhere without a crash."""

import json
import time

import pytest
from hypothesis import HealthCheck, example, given, settings

from core.codec import to_plain
from core.errors import InputError
from core.messages import sentence
from core.runs.files import exchange
from core.runs.files.importing import plan
from core.runs.files.untrusted import DEEPEST, LONGEST_NUMBER, MOST_VALUES, SIZE_LIMIT_BYTES, parse_json, shown
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.documents import ANY_JSON, at, changed_documents, put, raw_places, true_document, use_everywhere
from tests.hostile import TEXTS, hostile_files

SEED, FILES = 6, 150  # benchmarks/hostile.py takes 500
LONGEST_S = 10.0  # of the processor, for one file; the slowest takes a second

fuzzed = settings(max_examples=200, deadline=None, derandomize=True, database=None,
                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip


def refusal(content, name="x.json"):
    with pytest.raises(InputError) as refused:
        plan(name, content, lambda _run_id: None)
    said = sentence(refused.value.code, refused.value.facts)
    assert said.isprintable()
    assert 20 < len(said) < 600
    return refused.value


def test_no_hostile_file_crashes_stores_anything_or_is_refused_without_a_reason(tmp_path):
    store = Store(f"sqlite:///{(tmp_path / 'runs.sqlite3').as_posix()}")
    slowest = 0.0
    for name, content in hostile_files(SEED, FILES):
        started = time.process_time()
        with pytest.raises(InputError) as refused:
            Keeper(store).results(plan(name, content, store.run).new)
        slowest = max(slowest, time.process_time() - started)
        said = sentence(refused.value.code, refused.value.facts)
        assert said.isprintable(), name
        assert 20 < len(said) < 600, name
    assert store.count() == 0
    store.close()
    assert slowest < LONGEST_S


def test_the_document_that_hostile_files_are_made_from_is_sound(tmp_path):
    content = json.dumps(true_document()).encode()
    store = Store(f"sqlite:///{(tmp_path / 'runs.sqlite3').as_posix()}")
    found = plan("true.json", content, store.run)
    assert Keeper(store).results(found.new) is None
    assert (len(found.new), store.count()) == (2, 2)
    use_everywhere(found.new)
    store.close()


def test_the_same_seed_gives_the_same_files():
    some = list(hostile_files(3, 9))
    assert some == list(hostile_files(3, 9))
    assert [content for _, content in some] != [content for _, content in hostile_files(4, 9)]


@fuzzed
@given(changed_documents())
def test_a_changed_document_is_refused_or_used_everywhere(data):
    content = json.dumps(data).encode()
    try:
        results = exchange.read_document(exchange.parse_json("x.json", content))
    except InputError:
        refusal(content)
        return
    again = json.dumps(exchange.document(results, created_at="2026-11-22T18:30:00+00:00")).encode()
    assert exchange.read_document(exchange.parse_json("x.json", again)) == results
    use_everywhere(results)


@fuzzed
@given(ANY_JSON)
@example({"schema_version": 4, "runs": [{"id": "\ud800"}]})
def test_any_json_at_all_is_refused(data):
    refusal(json.dumps(data).encode())
    refusal(json.dumps({"schema_version": 4, "runs": [data]}).encode())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("environment", "machine", "cpu", "logical_cores"), 0),
        (("environment", "machine", "cpu", "quota_cores"), 0.0),
        (("telemetry", "interval_s"), 0.0),
        (("limits", "flops_per_sample"), -1.0),
        (("limits", "rates", 0, "work"), 0.0),
        (("limits", "rates", 1, "seconds", 2), -0.1),
        (("limits", "rates", 1, "seconds"), []),
        (("data", "parameters"), -1),
    ],
)
def test_numbers_that_a_page_would_stumble_over_are_refused_by_their_place(place, value):
    data = true_document()
    put(data["runs"][1], place, value)
    del data["content_hash"]
    text = ".".join(str(step) for step in place)
    where = refusal(json.dumps(data).encode()).facts["where"]
    assert where == "runs[1]." + "".join(f"[{s}]" if s.isdigit() else f".{s}" for s in text.split(".")).lstrip(
        "."
    )


# --- each limit, at its edge


def content_of(**changes):
    return json.dumps({**true_document(), **changes}).encode()


def test_depth_is_refused_from_one_beyond_the_deepest():
    assert parse_json("x", b"[" * DEEPEST + b"]" * DEEPEST)
    for deep in (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), b'[{"a":' * DEEPEST + b"1" + b"}]" * DEEPEST):
        assert "nested" in refusal(deep).facts["problem"]
    in_a_text = json.dumps({"a": '\\"' + "[{" * 1_000}).encode()
    assert parse_json("x", in_a_text)


def test_long_numbers_are_refused_without_being_read():
    assert parse_json("x", b"9" * LONGEST_NUMBER)
    assert parse_json("x", b'"' + b"9" * 100 + b'"')
    started = time.process_time()
    assert "digits" in refusal(b"[" + b"1" * 20_000_000 + b"]").facts["problem"]
    assert time.process_time() - started < 5


def test_more_values_than_any_export_has_are_refused():
    assert "values" in refusal(b"[" + b"0," * MOST_VALUES + b"0]").facts["problem"]


def test_a_text_that_never_ends_takes_no_longer_than_its_length():
    started = time.process_time()
    refusal(b'"' + b'\\"' * 5_000_000)
    assert time.process_time() - started < 5


def test_the_size_is_looked_at_first():
    assert refusal(b"[" * (SIZE_LIMIT_BYTES + 1)).code == "file_too_large"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_refused_anywhere(number):
    content = content_of(comparisons=["@"]).replace(b'"@"', number.encode())
    assert number in refusal(content).facts["problem"]


def test_minus_zero_is_zero():
    data = true_document()
    put(data["runs"][0], ("blocks", 3, "loss"), 0.0)
    put(data["runs"][1], ("blocks", 3, "loss"), -0.0)
    del data["content_hash"]
    runs = exchange.read_document(data)
    assert [str(run.blocks[3].loss) for run in runs] == ["0.0", "0.0"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["id", "job_id"])
def test_an_id_is_a_name_and_nothing_else(name, text):
    data = true_document()
    data["runs"][0][name] = text
    assert refusal(json.dumps(data).encode()).facts["where"] == f"runs[0].{name}"


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ({"code": "nothing", "facts": {}}, "unknown code 'nothing'"),
        ({"code": "resized", "facts": {}}, "needs the fact side"),
        ({"code": "stopped_by_interval", "facts": {"target_pct": "3"}}, "type that its sentence can't show"),
        ({"code": "resized", "facts": {"side": 1, "{0}": 1}}, "which no field has"),
    ],
)
def test_a_note_that_cannot_be_said_is_refused(note, told):
    data = true_document()
    data["runs"][0]["notes"] = [note]
    assert told in refusal(json.dumps(data).encode()).facts["problem"]


def test_what_nobody_could_have_asked_for_is_refused():
    data = true_document()
    data["runs"][0]["spec"]["workload"]["learning_rate"] = 1e6
    refused = refusal(json.dumps(data).encode()).facts
    assert (refused["where"], "learning_rate must be from" in refused["problem"]) == ("runs[0].spec", True)


def test_a_file_name_is_quoted_short_and_harmless():
    assert shown("报告.json") == "报告.json"
    assert shown("a\x1b[2J\nb\u202e.json") == "a\ufffd[2J\ufffdb\ufffd.json"
    assert len(shown("x" * 1_000)) == 100
    assert "\x1b" not in sentence("file_not_json", refusal(b"{", name="\x1b[2J" * 99).facts)


def test_raw_places_leave_out_what_is_derived():
    data = true_document()
    places = raw_places(data)
    assert ("runs", 0, "blocks", 3, "duration_s") in places
    assert not [path for path in places if path[2] in ("summary", "caveats", "quality")]
    assert at(data, ("runs", 1, "id")) == to_plain(plan("x", content_of(), lambda _: None).new[1])["id"]
