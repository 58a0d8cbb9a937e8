"""The Monitor page's figures: what each line, shade and cell stands for."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.figures.monitor.cores import cores_alt, cores_data, cores_figure, cores_height, cores_title
from core.figures.monitor.history import (
    MOST_POINTS,
    history_alt,
    history_data,
    history_figure,
    history_height,
    history_title,
)
from core.figures.monitor.readings import series_of, summaries
from core.i18n import english
from core.records import Stretch
from tests.watched import (
    AT_S,
    make_cpu_now,
    make_cpu_sample,
    make_gpu_sample,
    make_now,
    make_watched,
)


def marked(text):
    return f"¤{text}"


def history_of(now, watched=None, *, ago_s=(300, 0), uuids=None):
    chosen = [gpu.gpu.uuid for gpu in now.gpus] if uuids is None else uuids
    return history_data(watched or make_watched(now, ago_s[0]), now, ago_s, chosen)


def drawn(data, *, clock_s=0.0, zoomable=False, translate=english):
    return history_figure(data, clock_s, zoomable, translate)


def lines(option):
    return [series for series in option["series"] if "encode" in series]


def values(option, name, row=0):
    """Of one line, out of the data set that all share."""
    (line,) = (line for line in lines(option) if line["name"] == name and line["yAxisIndex"] == row)
    return option["dataset"]["source"][line["encode"]["y"]]


# --- the history -----------------------------------------------------------------------------------


def test_every_device_has_a_line_in_each_row_it_has_readings_for():
    option = drawn(history_of(make_now(2)))
    names = [(line["name"], line["yAxisIndex"]) for line in lines(option)]
    assert names == [
        ("CPU", 0), ("CPU", 1),
        ("GPU 0", 0), ("GPU 0", 1), ("GPU 0", 2), ("GPU 0", 3),
        ("GPU 1", 0), ("GPU 1", 1), ("GPU 1", 2), ("GPU 1", 3),
    ]  # fmt: skip
    assert [axis["name"] for axis in option["yAxis"]] == [
        "Busy (%)", "Memory (%)", "Power (W)", "Temperature (°C)",
    ]  # fmt: skip


def test_a_kind_of_reading_that_nobody_has_is_no_row():
    data = history_of(make_now(0))
    assert data.rows == ("load", "memory")
    assert history_height(data) < history_height(history_of(make_now(1)))


@pytest.mark.parametrize("minutes", [1, 5, 10])
def test_a_line_has_no_more_points_than_a_screen_has_room_for_and_no_holes_of_its_own(minutes):
    data = history_of(make_now(1), ago_s=(60 * minutes, 0))
    for line in data.lines:
        assert len(line.values) <= MOST_POINTS + 1
        assert None not in line.values


@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_readings_that_are_a_little_late_leave_no_hole(late_s):
    now = make_now(0)
    watched = make_watched(now, 60)
    cpu = tuple(
        dataclasses.replace(sample, at_s=sample.at_s + late_s * (index % 2))
        for index, sample in enumerate(watched.cpu[:-1])
    )
    data = history_of(now, dataclasses.replace(watched, cpu=(*cpu, watched.cpu[-1])), ago_s=(60, 0))
    assert None not in data.lines[0].values


def test_what_was_not_read_is_a_gap_and_not_zero():
    now = make_now(1)
    watched = make_watched(now, 60)
    (trace,) = watched.gpus
    samples = tuple(
        make_gpu_sample(s.at_s, utilisation_pct=None) if 20 <= index < 30 else s
        for index, s in enumerate(trace.samples)
    )
    watched = dataclasses.replace(watched, gpus=(dataclasses.replace(trace, samples=samples),))
    option = drawn(history_of(now, watched, ago_s=(60, 0)))
    assert values(option, "GPU 0").count(None) == 10
    assert all(line["connectNulls"] is False for line in lines(option))


def test_a_time_in_which_nobody_looked_is_a_gap():
    now = make_now(0)
    watched = make_watched(now, 300)
    cpu = tuple(s for s in watched.cpu if not 800 < s.at_s < 900)
    data = history_of(now, dataclasses.replace(watched, cpu=cpu))
    assert data.lines[0].values.count(None) >= 45  # of slots of 2 s


def test_all_devices_share_their_times_and_these_are_of_the_world_s_clock():
    option = drawn(history_of(make_now(1), ago_s=(60, 0)), clock_s=1_800_000_000 - AT_S)
    times, *rest = option["dataset"]["source"]
    assert (times[0], times[-1]) == (1_799_999_940_000, 1_800_000_000_000)
    assert {len(found) for found in rest} == {len(times)} == {61}
    assert [line["encode"] for line in lines(option)] == [
        {"x": 0, "y": place, "tooltip": [place]} for place in range(1, len(rest) + 1)
    ]
    axes = [(axis["type"], axis["min"], axis["max"]) for axis in option["xAxis"]]
    assert axes == [("time", times[0], times[-1])] * 4


@pytest.mark.parametrize(
    ("there_s", "axis_s", "told"),
    [(0, 60, "0 s"), (16, 60, "16 s"), (90, 90, "1 min 30 s"), (600, 300, "5 min 00 s")],
)
def test_the_axis_spans_what_there_is_but_never_less_than_a_minute(there_s, axis_s, told):
    now = make_now(0)
    data = history_of(now, make_watched(now, there_s))
    for axis in drawn(data)["xAxis"]:
        assert axis["max"] - axis["min"] == 1000 * axis_s
    assert history_title(data, english).startswith(f"Busiest moment of the last {told}: ")
    assert f"over {told}," in history_alt(data, english)
    assert None not in data.lines[0].values


def test_a_stretch_is_all_that_is_drawn_and_told_of():
    data = history_of(make_now(1), make_watched(make_now(1), 300), ago_s=(120, 60))
    (axis, *_) = drawn(data)["xAxis"]
    assert (axis["min"], axis["max"]) == (1000 * (AT_S - 120), 1000 * (AT_S - 60))
    assert history_title(data, english).startswith("Busiest moment from 2 min 00 s to 1 min 00 s ago: ")
    assert {len(line.series.points) for line in data.lines} == {61}


def test_a_stretch_before_there_was_anything_is_empty_and_that_is_said():
    now = make_now(1)
    data = history_of(now, make_watched(now, 30), ago_s=(300, 60))
    assert data.lines == ()
    assert history_title(data, english) == "Nothing was read then"


def test_points_stand_still_when_a_new_reading_comes():
    """Or the lines would shimmer as they move."""
    first, then = (history_of(make_now(0, at_s=at_s)) for at_s in (AT_S, AT_S + 1))
    assert (then.first_s - first.first_s) % first.step_s == 0


def test_memory_is_of_each_device_s_own():
    now = make_now(1)
    found = series_of(make_watched(now, 10), 32 * 2**30, ["GPU-0"], 0, AT_S)
    shares = {one.device: one.points[0][1] for one in found if one.reading == "memory"}
    assert shares == {"CPU": 25.0, "GPU 0": 25.0}


def test_the_cpu_s_power_comes_from_its_counter_and_not_from_a_jump_back():
    samples = tuple(make_cpu_sample(t, energy_j=e) for t, e in ((1, 0.0), (2, 50.0), (3, 10.0), (4, 70.0)))
    watched = dataclasses.replace(make_watched(make_now(0), 3), cpu=samples)
    (power,) = (one for one in series_of(watched, None, [], 0, 10) if one.reading == "power")
    assert [value for _, value in power.points] == [50.0, None, 60.0]


def test_what_was_being_measured_is_shaded_and_named():
    now = make_now(0)
    stretches = (
        Stretch(AT_S - 200, AT_S - 150, "a"),
        Stretch(AT_S - 20, None, "b"),
        Stretch(0, AT_S - 600, "c"),
    )
    data = history_of(now, make_watched(now, 300, stretches=stretches))
    assert data.measuring == ((AT_S - 200, AT_S - 150), (AT_S - 20, AT_S))
    option = drawn(data)
    shades = [series for series in option["series"] if "markArea" in series]
    assert len(shades) == len(data.rows)
    assert shades[0]["markArea"]["data"][1] == [{"xAxis": 1000 * (AT_S - 20)}, {"xAxis": 1000 * AT_S}]
    assert len(shades[0]["markArea"]["data"]) == 2
    assert option["legend"]["data"] == ["CPU", {"name": "Being measured", "itemStyle": {"opacity": 1}}]
    assert drawn(history_of(now))["legend"]["data"] == ["CPU"]


def test_sixteen_gpus_differ_by_colour_or_dash():
    option = drawn(history_of(make_now(16)))
    looks = {line["name"]: (line["color"], str(line["lineStyle"]["type"])) for line in lines(option)}
    assert len(looks) == 17
    assert len(set(looks.values())) == 17
    for look in range(2):  # few GPUs differ in both
        assert len({looks[f"GPU {index}"][look] for index in range(4)}) == 4


def contrast(one, other):
    """As WCAG defines it."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#FFFFFF", "#0E1117"])
def test_every_line_is_seen_in_light_and_in_dark(ground):
    colours = {line["color"] for line in lines(drawn(history_of(make_now(16))))}
    assert len(colours) == 5
    assert {colour: contrast(colour, ground) for colour in colours if contrast(colour, ground) < 3} == {}


def test_it_can_be_zoomed_only_where_nothing_moves():
    data = history_of(make_now(1))
    assert "dataZoom" not in drawn(data)
    assert {zoom["type"] for zoom in drawn(data, zoomable=True)["dataZoom"]} == {"inside", "slider"}


def test_four_gpus_over_ten_minutes_are_a_small_message():
    data = history_of(make_now(4), ago_s=(600, 0))
    assert len(json.dumps(drawn(data), separators=(",", ":"))) < 30_000


def test_the_history_s_title_and_alt_tell_the_single_readings():
    now = make_now(1)
    samples = [make_cpu_sample(AT_S - ago, load_pct=97.0 if ago == 100 else 3.0) for ago in range(300, -1, -1)]
    data = history_of(now, dataclasses.replace(make_watched(now, 300), cpu=tuple(samples)))
    assert history_title(data, english) == "Busiest moment of the last 5 min 00 s: 97 % (CPU), 100 % (GPU 0)"
    assert "GPU 0 temperature 55 °C" in history_alt(data, english)
    assert "CPU busy 97 %" in history_alt(data, english)


def test_before_the_first_reading_nothing_is_drawn_and_that_is_said():
    now = make_now(0)
    empty = dataclasses.replace(make_watched(now, 0), cpu=())
    data = history_of(now, empty)
    assert drawn(data)["series"] == []
    assert history_title(data, english) == "No sensor has been read yet"
    assert "{" not in history_alt(data, english)


def test_a_stretch_in_numbers_is_of_single_readings():
    watched = make_watched(make_now(0), 300)
    (load,) = (
        one for one in summaries(series_of(watched, None, [], AT_S - 9, AT_S)) if one.series.reading == "load"
    )
    values = [sample.load_pct for sample in watched.cpu[-10:]]
    assert (load.mean, load.lowest, load.highest) == (sum(values) / 10, min(values), max(values))


# --- the cores -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "across", "rows"), [(1, 1, 1), (2, 2, 1), (8, 8, 1), (24, 8, 3), (96, 16, 6), (256, 32, 8)]
)
def test_the_grid_has_a_cell_for_each_core_and_is_never_too_wide_for_a_phone(count, across, rows):
    data = cores_data(make_cpu_now(count))
    assert (data.across, data.rows) == (across, rows)
    (heat,) = cores_figure(data, english)["series"]
    assert [cell[3] for cell in heat["data"]] == list(range(count))
    assert len({(cell[0], cell[1]) for cell in heat["data"]}) == count
    assert heat["label"]["show"] == (count <= 32)
    assert cores_height(data) < 300


def test_256_cores_are_a_small_message():
    data = cores_data(make_cpu_now(256, core_clocks_hz=(3.123456789e9,) * 256))
    assert len(json.dumps(cores_figure(data, english), separators=(",", ":"))) < 8_000


def test_a_core_whose_load_is_not_known_is_empty_and_an_idle_one_is_zero():
    data = cores_data(make_cpu_now(2, core_loads_pct=(None, 0.0)))
    (heat,) = cores_figure(data, english)["series"]
    assert [cell[2] for cell in heat["data"]] == ["-", 0]


def test_hovering_names_the_core_its_load_and_where_it_is_told_its_clock():
    plainly = cores_figure(cores_data(make_cpu_now(4)), english)["tooltip"]["formatter"]
    assert plainly == "core {@[3]}: {@[2]} %"
    clocked = cores_data(make_cpu_now(4, core_clocks_hz=(3.1e9, 2e9, 2e9, 2e9)))
    assert cores_figure(clocked, english)["tooltip"]["formatter"].endswith("{@[4]} GHz")
    assert cores_figure(clocked, english)["series"][0]["data"][0][4] == 3.1


def test_the_cores_title_and_alt():
    data = cores_data(make_cpu_now(4, core_loads_pct=(95.0, 10.0, 100.0, None)))
    assert cores_title(data, english) == "2 of 4 logical cores are at least 90 % busy"
    assert "core 2: 100 %, core 0: 95 %, core 1: 10 %." in cores_alt(data, english)


def test_no_core_s_load_is_an_empty_figure_and_said():
    data = cores_data(make_cpu_now(2, core_loads_pct=(None, None)))
    assert cores_figure(data, english)["series"][0]["data"] == []
    assert cores_title(data, english) == "The load of single cores isn't visible here"


# --- both ------------------------------------------------------------------------------------------


def test_every_text_is_translated():
    now = make_now(1)
    watched = make_watched(now, 300, stretches=(Stretch(AT_S - 20, None, "b"),))
    data, cores = history_of(now, watched), cores_data(now.cpu)
    option, grid = drawn(data, translate=marked), cores_figure(cores, marked)
    texts = [axis["name"] for axis in option["yAxis"]]
    texts += [option["legend"]["data"][-1]["name"], grid["xAxis"]["name"], grid["tooltip"]["formatter"]]
    texts += [history_title(data, marked), history_alt(data, marked)]
    texts += [cores_title(cores, marked), cores_alt(cores, marked)]
    assert [text for text in texts if not text.startswith("¤")] == []


def test_they_can_be_sent_as_they_are():
    """Plain JSON, with no NaN in it."""
    now = make_now(2)
    for option in (drawn(history_of(now), zoomable=True), cores_figure(cores_data(now.cpu), english)):
        assert json.loads(json.dumps(option, allow_nan=False))
