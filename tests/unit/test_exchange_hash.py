"""The digest of a run and the content hash of a file: the same for the same content, and for no other."""

import dataclasses
import json

import pytest

from core.errors import InputError
from core.messages import sentence
from core.records import Note
from core.runs.files import exchange
from tests.builders import make_gpu_result, make_result

NOW = "2026-11-22T18:30:00+00:00"


def make_document():
    return json.loads(json.dumps(exchange.document([make_result(), make_gpu_result()], created_at=NOW)))


def test_a_digest_is_of_the_content_and_not_of_where_a_run_was_read():
    run = make_result()
    assert len(exchange.digest(run)) == 64
    assert exchange.digest(run) == exchange.digest(
        dataclasses.replace(run, origin="imported", schema_version=1)
    )
    assert exchange.digest(run) != exchange.digest(dataclasses.replace(run, id="other"))
    block = dataclasses.replace(run.blocks[3], loss=run.blocks[3].loss + 1e-12)
    assert exchange.digest(run) != exchange.digest(
        dataclasses.replace(run, blocks=(*run.blocks[:3], block, *run.blocks[4:]))
    )


def test_a_digest_outlives_fields_that_are_yet_to_come():
    """One with its default, as a later version adds it, changes nothing: this is a digest of version 4."""
    failed = make_result(
        status="failed", environment=None, data=None, cold_start=None, blocks=(), epochs=(), telemetry=None,
        anatomy=None, memory=None, first_losses=(), threads=None, notes=(Note("diverged", {"epoch": 2}),),
    )  # fmt: skip
    assert exchange.digest(failed) == "123af80b184f86d95552ec4ff00359de9ceeade22f4503ab13bc2195762e730e"


def test_numbers_have_one_spelling():
    data = make_document()
    text = json.dumps(data).replace('"learning_rate": 0.01', '"learning_rate": 1e-2').replace("2.5,", "2.50,")
    assert text != json.dumps(data)
    assert len(exchange.read_document(json.loads(text))) == 2
    data["runs"][0]["cold_start"]["warm_up_s"] = 4  # 4.0 as another program writes it
    assert len(exchange.read_document(data)) == 2


def test_the_hash_of_a_file_follows_its_runs_in_their_order():
    cpu, gpu = make_result(), make_gpu_result()
    hashes = [
        exchange.document(runs, created_at=NOW)["content_hash"] for runs in ([cpu, gpu], [gpu, cpu], [cpu])
    ]
    assert len(set(hashes)) == 3
    assert all(found.startswith("sha256:") and len(found) == 71 for found in hashes)
    assert exchange.document([cpu], created_at="2027-01-01T00:00:00+00:00")["content_hash"] == hashes[2]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["runs"][1]["blocks"][3].update(loss=0.5),
        lambda data: data["runs"].pop(),
        lambda data: data["runs"].reverse(),
        lambda data: data.update(content_hash="sha256:" + 64 * "0"),
        lambda data: data.update(content_hash=None),
    ],
)
def test_runs_that_were_altered_on_their_way_are_refused(change):
    data = make_document()
    change(data)
    with pytest.raises(InputError) as refused:
        exchange.read_document(data)
    assert refused.value.code == "file_changed"
    assert "content hash" in sentence(refused.value.code, refused.value.facts)


def test_what_is_derived_may_be_altered_as_it_is_never_read():
    data = make_document()
    data["runs"][0]["summary"] = data["comparisons"] = "forged"
    assert len(exchange.read_document(data)) == 2


def test_a_document_of_an_earlier_version_has_no_hash_and_is_read():
    data = make_document()
    del data["content_hash"]
    assert len(exchange.read_document(data)) == 2
