"""The timeline and the Mermaid diagram of one step: the same actors, the same messages, in the same words."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from core.explaining import actor_words, message_words
from core.figures.mermaid import sequence_diagram
from core.figures.sequence import Lit, sequence_alt, sequence_data, sequence_figure, sequence_title
from core.i18n import english, translator
from tests.builders import make_result
from tests.traces import make_gpu_watched, make_many, make_watched

BOTH = (make_watched(), make_gpu_watched())


def drawn(*results, moment="warm", translate=english):
    data = sequence_data(results or BOTH, moment, translate)
    return data, sequence_figure(data, translate)


def points(figure):
    return [trace for trace in figure.data if trace.type == "scatter"]


def bars(figure):
    return [trace for trace in figure.data if trace.type == "bar"]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("moment", ["warm", "cold"])
@pytest.mark.parametrize("place", [0, 1])
def test_mermaid_and_timeline_agree_actor_by_actor_and_message_by_message(language, moment, place):
    translate = translator(language)
    data, figure = drawn(moment=moment, translate=translate)
    panel = data.panels[place]
    text = sequence_diagram(panel, translate)
    declared = dict(re.findall(r"^    (?:actor|participant) (\w+) as (.+)$", text, re.MULTILINE))
    lanes = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert list(declared) == list(panel.flow.actors)
    assert list(declared.values()) == [html.unescape(lanes[panel.lane(actor)]) for actor in panel.flow.actors]
    sent = re.findall(r"^    (\w+)(?:->>|-->>|-\))(\w+): (.+)$", text, re.MULTILINE)
    assert len(sent) == len(panel.flow.messages)
    shown = [html.unescape(words) for words in points(figure)[place].hovertext]
    arrows = [note for note in figure.layout.annotations if note.showarrow]
    before = sum(len(other.flow.messages) for other in data.panels[:place])
    own = arrows[before : before + len(sent)]
    for number, ((sender, receiver, said), words, arrow) in enumerate(
        zip(sent, shown, own, strict=True), start=1
    ):
        assert words.startswith(f"{number}. {declared[sender]} → {declared[receiver]}")
        assert words.replace(";", ",").endswith(said)
        assert html.unescape(lanes[arrow.ay]) == declared[sender]
        assert html.unescape(lanes[arrow.y]) == declared[receiver]


def test_bars_lie_where_and_when_the_spans_were():
    data, figure = drawn(make_watched())
    [panel] = data.panels
    found = sorted(
        (lane, base, length) for t in bars(figure) for lane, base, length in zip(t.y, t.base, t.x, strict=True)
    )
    wanted = sorted((panel.lane(bar.actor), bar.start_s, bar.end_s - bar.start_s) for bar in panel.flow.bars)
    assert [lane for lane, *_times in found] == [lane for lane, *_times in wanted]
    for (_lane, base, length), (_place, start_s, span_s) in zip(found, wanted, strict=True):
        assert (base / 1e3, length / 1e3) == (pytest.approx(start_s), pytest.approx(span_s, rel=1e-5))
    assert figure.layout.xaxis.title.text == "Time since the step began (ms)"


def test_devices_share_one_time_scale():
    data, figure = drawn()
    assert figure.layout.xaxis.range[1] >= max(panel.flow.end_s for panel in data.panels) / 1e-3
    assert len({panel.top for panel in data.panels}) == 2


def test_hovering_tells_code_bytes_and_work():
    _data, figure = drawn()
    said = "\n".join(text for trace in bars(figure) for text in trace.hovertext)
    assert "loss.backward()" in said
    assert "49.5 KiB moved" in said
    assert "51.4 MFLOP" in said
    assert "asked for 100 µs before it began" in said
    assert "work of an earlier or later step" in said
    assert "waits for the device" in said


def test_the_message_that_is_looked_at_is_pointed_out_with_its_line():
    data, _ = drawn()
    figure = sequence_figure(data, english, Lit(0, 5))
    widths = [note.arrowwidth for note in figure.layout.annotations if note.showarrow]
    assert widths.index(max(widths)) == 4
    assert sorted(set(widths)) == [1, max(widths)]
    line = data.panels[0].flow.messages[4].line
    bright = sum(opacity == 1 for trace in bars(figure) for opacity in trace.marker.opacity)
    assert bright == sum(bar.line == line for panel in data.panels for bar in panel.flow.bars)


def test_two_thousand_spans_stay_small():
    _data, figure = drawn(make_gpu_watched(trace=make_many(2000)), make_watched())
    assert len(figure.to_json()) < 150_000


def test_text_of_a_record_is_never_markup():
    trace = make_watched().trace
    warm = trace.steps[1]
    evil = tuple(replace(span, label="<img src=x>") if span.actor == "device" else span for span in warm.spans)
    run = make_watched(trace=replace(trace, steps=(replace(warm, spans=evil),)))
    data, figure = drawn(run)
    assert "<img" not in figure.to_json().replace("\\u003c", "<")
    assert "<" not in sequence_diagram(data.panels[0], english).replace("<br>", "")


@pytest.mark.parametrize("results", [[], [make_result()]], ids=["nothing", "unwatched"])
def test_nothing_watched_is_an_empty_figure_and_said(results):
    data = sequence_data(results, "warm", english)
    assert len(sequence_figure(data, english).data) == 0
    assert sequence_title(data, english) == sequence_alt(data, english) == "No step was watched"


def test_title_and_alt_state_the_finding():
    data, _ = drawn()
    assert sequence_title(data, english) == (
        "The longest line of a step: loss.backward() 180 ms (CPU), batch = next(batches) 200 µs (GPU Test GPU)"
    )
    alt = sequence_alt(data, english)
    assert "Clean step: 400 ms (CPU), 500 µs (GPU Test GPU)" in alt
    assert "CPU: 13 messages" in alt
    assert "{" not in alt


def test_words_of_every_message_are_there_in_chinese():
    data, _ = drawn(translate=translator("zh_CN"))
    for panel in data.panels:
        for message in panel.flow.messages:
            assert message_words(message, panel.flow, translator("zh_CN")) != message_words(
                message, panel.flow, english
            )
        assert actor_words("script", panel.result, translator("zh_CN")) == "Python 脚本"
