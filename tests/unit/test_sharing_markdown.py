"""The snippet and the command: what they say, and that a record's text stays text in them."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from core.analysis.comparison import compare
from core.errors import InputError
from core.i18n import english
from core.records import Device, Note
from core.setups import parse_setup
from core.sharing import formats
from core.sharing.command import reproduce
from core.sharing.markdown import inert
from core.wording import verdict_sentence
from tests.builders import make_blocks, make_environment, make_gpu_result, make_result, make_setup, make_spec

NOW = "2026-11-29T10:00:00+00:00"
PAIR = make_result(), make_gpu_result()


def snippet(*results, **options):
    return formats.render("markdown", results, english, created_at=NOW, **options)


def test_it_says_verdict_quality_hardware_date_origin_link_and_command():
    text = snippet(PAIR[0], replace(PAIR[1], origin="recorded"), link="https://example.org/?job=job-1")
    runs = PAIR[0], replace(PAIR[1], origin="recorded")
    assert text.startswith(f"**{verdict_sentence(compare(*runs), runs, english)}**\n")
    assert "mlp on digits, batch 64, 3 epochs · Quality: good" in text
    assert "| CPU | Test CPU | 160 images/s (159–161) | 8.8 s | 2026-11-20 | measured |" in text
    assert "| NVIDIA Test GPU | 640 images/s (637–643) | 2.2 s | 2026-11-20 | recorded |" in text
    assert "](<https://example.org/?job=job-1>)" in text
    assert f"```bash\n{reproduce(PAIR)[0]}\n```\n" in text


def test_a_projected_epoch_is_marked_and_the_mark_explained():
    short = make_result(blocks=make_blocks()[:3])
    text = snippet(short)
    assert r" s \* |" in text
    assert r"\* projected: no epoch was timed whole" in text
    assert r"\*" not in snippet(*PAIR)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](http://a.b/c)", "\\!\\[x\\](http:\u200b//a.b/c)"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("a | b\n\n# c", "a \\| b \\# c"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("ask @someone at WWW.example.org", "ask @\u200bsomeone at WWW\u200b.example.org"),
        ("`code` $x$ ~~no~~ #1", "\\`code\\` \\$x\\$ \\~\\~no\\~\\~ \\#1"),
        ("NVIDIA H200 · fp32", "NVIDIA H200 · fp32"),
    ],
)
def test_foreign_text_does_nothing(text, shown):
    assert inert(text) == shown


def test_a_hostile_name_breaks_neither_the_table_nor_the_code_block():
    name = "x | ![p](https://evil.example/p.png)\n\n```\n<script>"
    gpu = replace(PAIR[1], environment=make_environment(device=Device("cuda:0", name, "GPU-test")))
    odd = replace(gpu, spec=make_spec(device="cuda:0", dataset="x\n```\n![y](https://evil.example)"))
    text = snippet(odd)
    assert "![" not in text.split("````bash")[0]
    assert text.count("\n````") == 2
    [row] = [line for line in text.splitlines() if line.startswith("| GPU")]
    assert row.replace("\\|", "").count("|") == 7


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a.b/>)[x](", "ftp://a.b"])
def test_a_link_stays_within_its_place(link):
    if link.startswith("https"):
        [line] = [line for line in snippet(*PAIR, link=link).splitlines() if "a.b" in line]
        assert line.endswith("](<https://a.b/%3E%29%5Bx%5D%28>)")
        return
    with pytest.raises(InputError):
        snippet(*PAIR, link=link)


# --- the command ---------------------------------------------------------------------------------


def test_the_command_names_the_work_and_every_setup_whoever_measured_it():
    setups = make_setup(threads=2), make_setup(device="cuda:0", precision="bf16", step="graph")
    runs = [
        make_result(id=f"run-{i}", spec=replace(make_spec(), setup=setup)) for i, setup in enumerate(setups)
    ]
    [line] = reproduce([replace(runs[0], origin="recorded"), runs[1], runs[1]])
    words = shlex.split(line)
    assert words[:4] == ["python", "-m", "core", "run"]
    assert [parse_setup(words[i + 1]) for i, word in enumerate(words) if word == "--setup"] == list(setups)
    assert "--max-seconds" not in words


def test_the_jobs_own_limits_are_named_where_they_are_known():
    [line] = reproduce(PAIR, max_seconds=12.5, target_pct=1.0)
    assert " --max-seconds 12.5 --target 1 --setup" in line


def test_each_workload_has_a_line_of_its_own():
    other = make_result(id="run-2", spec=make_spec(batch_size=128))
    assert [line.count("--setup") for line in reproduce([*PAIR, other])] == [2, 1]


def test_no_value_is_taken_for_an_option_or_for_a_command():
    [line] = reproduce([make_result(spec=make_spec(model="--help", dataset="x; rm -rf ~"))])
    words = shlex.split(line)
    assert "--model=--help" in words
    assert "x; rm -rf ~" in words


def through_ray(kind, **changes):
    spec = make_spec(**changes)
    name = f"{kind}-{spec.setup.device}-{spec.setup.threads}"
    notes = (Note("through_ray", {"kind": kind, "ray": "2.60.0"}),)
    return make_result(id=name, spec=spec, job_id=kind, notes=notes)


def test_what_a_cluster_measured_has_a_line_of_its_own_without_its_address():
    away = [through_ray("big; rm"), through_ray("old"), through_ray("NVIDIA H200", device="cuda:0")]
    here, there = reproduce([make_result(), *away])
    assert "--cluster" not in here
    words = shlex.split(there)
    assert words[words.index("--cluster") + 1] == "ADDRESS"
    given = {
        option: [words[i + 1] for i, word in enumerate(words) if word == option]
        for option in ("--kind", "--setup")
    }
    assert given == {
        "--kind": ["big; rm", "old", "NVIDIA H200"],
        "--setup": ["device=cpu", "device=cuda:0"],
    }
    assert "--all-machines" not in words


def test_kinds_that_were_asked_for_different_setups_have_a_line_each():
    lines = reproduce([through_ray("old"), through_ray("big", threads=1)])
    assert [line.partition(" --cluster ")[2] for line in lines] == [
        "ADDRESS --kind old --setup device=cpu",
        "ADDRESS --kind big --setup device=cpu,threads=1",
    ]


def test_several_machines_of_a_kind_are_asked_for_again():
    first = through_ray("old")
    [line] = reproduce([first, replace(first, id="other", job_id="other")])
    assert line.endswith("--kind old --all-machines --setup device=cpu")


def test_a_run_of_a_cluster_says_so_beside_its_hardware_and_its_kind_is_no_mark():
    [row] = [line for line in snippet(through_ray("a|b *c*")).splitlines() if line.startswith("| CPU")]
    assert "Test CPU · on another machine: a\\|b \\*c\\*" in row


def test_other_setups_at_another_time_are_no_sign_of_a_second_machine():
    [line] = reproduce([through_ray("old"), replace(through_ray("old", threads=1), job_id="later")])
    assert line.endswith("--kind old --setup device=cpu --setup device=cpu,threads=1")
