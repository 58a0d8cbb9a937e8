"""The report: whole in one file, every text in it harmless, every doubt before the charts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from core.analysis import caveats
from core.analysis.comparison import compare
from core.errors import InputError
from core.figures.html import plotly_js
from core.i18n import english
from core.messages import sentence
from core.records import Device, Note
from core.runs.files import exchange
from core.sharing import formats, report
from core.sharing.bundle import gather
from core.sharing.doubts import doubts
from core.wording import verdict_sentence
from tests.builders import make_blocks, make_environment, make_gpu_result, make_result

NOW = "2026-11-29T10:00:00+00:00"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1) <!-- ]]>"
PAIR = make_result(), make_gpu_result()


def written(*results, **options):
    return formats.render("html", results, english, created_at=NOW, **options)


class _Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, scripts, the text between."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.text = [], [], []
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), []))

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1][1].append(data)
        elif self._inside != "style":
            self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def script(self, name):
        [found] = ["".join(parts) for attributes, parts in self.scripts if attributes.get("id") == name]
        return found


@pytest.fixture(scope="module")
def text():
    return written(*PAIR, link="https://example.org/?job=job-1&x=<y>", revision="abc1234")


@pytest.fixture(scope="module")
def page(text):
    return _Page(text)


def test_the_answer_comes_first_then_the_doubts_then_the_charts():
    noisy = replace(PAIR[0], blocks=make_blocks(0.2, jitter=(0.0, 0.4, -0.4, 0.5, -0.3)))
    said = re.sub(r"\s+", " ", " ".join(_Page(written(noisy, PAIR[1])).text))
    answer = verdict_sentence(compare(noisy, PAIR[1]), (noisy, PAIR[1]), english)
    [doubt] = [item for item in caveats.of_run(noisy) if item.grave]
    places = [
        said.index(part) for part in (answer, "Quality: doubtful", sentence(doubt.code, doubt.facts), "Charts")
    ]
    assert places == sorted(places)


def test_each_chart_is_there_with_an_alternative_text_and_both_pictures(page):
    drawn = [item for item in page.of("div") if item.get("class") == "drawing"]
    assert len(drawn) == len(json.loads(page.script("figures"))) == 8
    assert all(item["role"] == "img" and len(item["aria-label"]) > 40 for item in drawn)
    buttons = [item for item in page.of("button") if "data-picture" in item]
    assert sorted(item["data-picture"] for item in buttons) == ["png"] * 8 + ["svg"] * 8
    assert {item["data-chart"] for item in buttons} == {item["id"] for item in drawn}


def test_plotly_is_in_it_once_and_nothing_comes_from_elsewhere(text, page):
    assert text.count(plotly_js()) == 1
    assert not [item for tag, item in page.tags if {"src", "srcset", "data", "action"} & item.keys()]
    assert [item["href"] for tag, item in page.tags if "href" in item] == [
        "https://example.org/?job=job-1&x=%3Cy%3E"
    ]
    assert report.size_bytes() < len(text.encode()) < report.size_bytes() + 2_000_000


def test_only_its_own_scripts_run(page):
    [policy] = [item["content"] for item in page.of("meta") if item.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    [scripts] = re.findall(r"script-src ([^;]+);", policy)
    codes = ["".join(parts) for attributes, parts in page.scripts if "type" not in attributes]
    digests = (base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes)
    assert scripts.split() == [f"'sha256-{digest}'" for digest in digests]
    assert not [name for _tag, item in page.tags for name in item if name.startswith("on")]


def test_hostile_texts_stay_texts(text):
    gpu = replace(
        PAIR[1],
        job_id='"><svg onload=alert(1)>',
        origin="imported",
        environment=make_environment(device=Device("cuda:0", HOSTILE, "GPU-test")),
        notes=(Note("torch_failed", {"problem": HOSTILE}),),
    )
    hostile = written(PAIR[0], gpu)
    page = _Page(hostile)
    assert {tag for tag, _item in page.tags} <= {tag for tag, _item in _Page(text).tags} | {"section", "li"}
    assert len(page.scripts) == 4
    assert not [name for _tag, item in page.tags for name in item if name.startswith("on")]
    assert not [item["href"] for _tag, item in page.tags if "href" in item]
    assert HOSTILE in json.loads(page.script("records"))["runs"][1]["environment"]["device"]["name"]
    assert "<!--" not in page.script("figures") + page.script("records")


def test_its_records_are_a_document_that_can_be_imported(page):
    runs = exchange.read_document(json.loads(page.script("records")))
    assert [run.blocks for run in runs] == [run.blocks for run in PAIR]


def test_raw_samples_environment_method_and_command_are_told(page):
    said = " ".join(page.text)
    assert "python -m core run --model mlp" in said
    assert "8 physical, 16 logical, 16 usable by this process" in said
    assert "Same work." in said
    assert "Written by Crossover abc1234 on 2026-11-29 10:00 (UTC)" in said
    assert sum(tag == "tr" for tag, _item in page.tags) > len(PAIR[0].blocks) + len(PAIR[1].blocks)


def test_what_was_not_measured_here_is_labelled_and_what_differs_is_listed():
    other = replace(PAIR[1], job_id="job-2", origin="recorded")
    said = re.sub(r"\s+", " ", " ".join(_Page(written(PAIR[0], other)).text))
    assert "Not measured together" in said
    assert "What differs between CPU and GPU Test GPU · recorded" in said
    assert "This is what is compared." in said
    assert "Not measured together" not in written(*PAIR)


def test_a_run_that_failed_is_told_of():
    failed = make_gpu_result(
        status="failed", failure=Note("device_failed", {"device": "X", "problem": "y"}), blocks=()
    )
    said = " ".join(_Page(written(PAIR[0], failed)).text)
    assert sentence("device_failed", {"device": "X", "problem": "y"}) in said
    assert "failed" in said


def test_other_work_is_refused_in_words():
    other = replace(PAIR[1], spec=replace(PAIR[1].spec, workload=replace(PAIR[1].spec.workload, epochs=9)))
    said = " ".join(_Page(written(PAIR[0], other)).text)
    assert sentence("not_comparable", {"fields": "epochs"}) in said


def test_the_language_is_named(text):
    assert '<html lang="en">' in text
    assert '<html lang="zh-CN">' in written(*PAIR, language="zh_CN")


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//example.org", "https://", "http://[x"]
)
def test_a_link_that_is_no_web_address_is_refused(link):
    with pytest.raises(InputError) as refusal:
        written(*PAIR, link=link)
    assert refusal.value.code == "bad_link"
    assert sentence("bad_link", refusal.value.facts)


def test_a_run_of_a_cluster_says_on_what_machine():
    through = Note("through_ray", {"kind": "big box", "ray": "2.50"})
    page = _Page(written(make_result(notes=(through,)), make_gpu_result()))
    at = [i for i, text in enumerate(page.text) if text == "Machine"]
    assert [page.text[i + 1] for i in at] == ["big box"]


def test_what_one_run_says_twice_isn_t_said_of_all():
    twice = Note("stopped_by_time", {"target_pct": 3})
    runs = make_result(notes=(twice, twice)), make_gpu_result()
    said = sentence(twice.code, twice.facts)
    (found,) = [doubt for doubt in doubts(gather(runs, english), english) if doubt.text == said]
    assert found.names == (gather(runs, english).names[0],)
