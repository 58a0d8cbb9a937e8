"""Nothing that leaves names a person, a host or a folder; and what is masked stays comparable."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.comparison import compare
from core.i18n import english
from core.records import DataInfo, Device, Note
from core.runs.files import exchange, masking
from core.sharing import formats
from tests.builders import make_environment, make_gpu_result, make_machine, make_result, make_spec

NOW = "2026-11-29T10:00:00+00:00"
IMAGES = DataInfo(1437, 360, 10, (3, 64, 64), (3, 64, 64), 4810, fingerprint="0123abcdef")
PRIVATE = ("/home/agatha", "agatha", "agathas-laptop")


@pytest.fixture(autouse=True)
def _own_names(monkeypatch):
    monkeypatch.setattr(masking.socket, "gethostname", lambda: "agathas-laptop.example.org")
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "agatha")
    masking._own_names.cache_clear()
    yield
    masking._own_names.cache_clear()


def telling(**changes):
    """A run whose record names its owner wherever a text can stand."""
    machine = make_machine(
        variables=(("OMP_TOOL", "/home/agatha/tool.so"), ("KMP_AFFINITY", "agatha,compact")),
        os="Agathas-Laptop OS",
    )
    device = Device("cpu", "Test CPU of agathas-laptop")
    plain = make_result(
        spec=make_spec(dataset="folder:/home/agatha/Pictures@64"),
        data=IMAGES,
        environment=make_environment(machine, device=device),
        notes=(Note("torch_failed", {"problem": "can't open /home/agatha/Pictures/cat.png"}),),
        failure=Note("folder_missing", {"path": "/home/agatha/Pictures"}),
    )
    return replace(plain, **changes)


@pytest.mark.parametrize("kind", [kind for kind in formats.FORMATS if kind != "trace"])
def test_no_file_names_its_owner(kind):
    other = telling(id="run-2", job_id="job-2")
    text = formats.render(kind, (telling(), other), english, created_at=NOW)
    assert "run" in text
    found = [word for word in PRIVATE if word.lower() in text.lower()]
    assert found == []


def test_a_document_masks_what_was_concluded_too():
    one, other = telling(), telling(id="run-2", job_id="job-2", environment=make_environment())
    text = str(exchange.document([one, other], [compare(one, other)], created_at=NOW))
    assert "unlike_conditions" in text
    assert [word for word in PRIVATE if word.lower() in text.lower()] == []


def test_the_same_images_stay_comparable_wherever_they_lay():
    here = telling()
    there = make_gpu_result(spec=make_spec(dataset="folder:D:\\photos@64", device="cuda:0"), data=IMAGES)
    names = [masking.masked(run).spec.workload.dataset for run in (here, there)]
    assert names == ["folder:images-0123abcd@64"] * 2
    assert compare(masking.masked(replace(here, failure=None)), masking.masked(there)).speedup is not None


def test_other_images_have_another_name():
    other = telling(data=replace(IMAGES, fingerprint="ffffffffff"))
    assert masking.masked(other).spec.workload.dataset == "folder:images-ffffffff@64"
    assert masking.masked(telling(data=None)).spec.workload.dataset == "folder:images@64"


def test_what_says_nothing_private_leaves_as_it_is():
    for run in (make_result(), make_gpu_result()):
        assert masking.masked(run) == run
    rates = Note("odd", {"problem": "12 GB/s, 3/4 of it; see https://pytorch.org/docs/stable, PCIe gen4/x16"})
    assert masking.masked(make_result(notes=(rates,))).notes == (rates,)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/agatha/images/cat.png", "…/cat.png"),
        ("no such file: '/home/someone/a b'", "no such file: '…/a b'"),
        ("C:\\Users\\someone\\cat.png is broken", "…/cat.png is broken"),
        ("~/x/y", "…/y"),
        ("/home/someone is full", "… is full"),
        ("/home/someone/", "…"),
        ("C:/Users/someone", "…"),
        ("file:///srv/secret/x", "…/x"),
        ("C:\\Users\\Some One\\my.dll is broken", "…/my.dll is broken"),
        ("[Errno 2] 'D:\\\\Some One\\\\my project\\\\cat.png'", "[Errno 2] '…/cat.png'"),  # as Python quotes it
        ("\\\\fileserver\\someone\\cat.png", "…/cat.png"),
        ("\\\\?\\C:\\Users\\someone\\cat.png", "…/cat.png"),
        ("can't load '/Volumes/Some One/x y.so'", "can't load '…/x y.so'"),
    ],
)
def test_of_a_path_its_last_part_is_left(text, left):
    run = masking.without_paths(make_result(notes=(Note("odd", {"problem": text}),)))
    assert run.notes[0].facts == {"problem": left}


@given(st.text(st.sampled_from("/\\~.:…C@ab folder-agatha'"), max_size=40))
def test_masking_twice_is_masking_once(text):
    spec = make_spec(dataset=f"folder:{text}")
    run = make_result(spec=spec, notes=(Note("odd", {"problem": text, "path": text}),))
    once = masking.masked(run)
    assert masking.masked(once) == once
    assert exchange.digest(masking.without_paths(run)) == exchange.digest(run)


@pytest.mark.parametrize("name", ["unlike", "conditions", "cpu", "gpu"])
def test_a_machine_that_is_called_like_a_part_of_a_code_breaks_nothing(name, monkeypatch):
    monkeypatch.setattr(masking.socket, "gethostname", lambda: name)
    masking._own_names.cache_clear()
    other = make_result(id="run-2", job_id="job-2", environment=make_environment(make_machine(os="Another OS")))
    comparison = compare(make_result(), other)
    assert comparison.caveats
    masked = masking.masked_comparison(comparison)
    assert [item.code for item in masked.caveats] == [item.code for item in comparison.caveats]
    assert masked.baseline.environment.device == comparison.baseline.environment.device


def test_a_machine_with_an_everyday_name_keeps_its_words(monkeypatch):
    monkeypatch.setattr(masking.socket, "gethostname", lambda: "vm")
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "root")
    monkeypatch.setattr(masking.Path, "home", lambda: masking.Path("/root"))
    masking._own_names.cache_clear()
    run = make_result(environment=make_environment(make_machine(virtual="vm", os="Root Linux")))
    assert masking.masked(run) == run
