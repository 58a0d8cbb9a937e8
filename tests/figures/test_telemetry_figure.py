from __future__ import annotations

import dataclasses

import pytest

from core.figures.telemetry import MOST_POINTS, telemetry_alt, telemetry_data, telemetry_figure, telemetry_title
from core.i18n import english
from core.records import GpuSample
from tests.builders import (
    make_cpu_samples,
    make_gpu_result,
    make_result,
    make_telemetry,
    make_uniform_blocks,
)


def _power(*readings):
    samples = tuple(GpuSample(at, None, None, watts, None, None, None, None, None) for at, watts in readings)
    return make_gpu_result(telemetry=make_telemetry(cpu=(), gpu=samples))


def test_a_row_for_each_reading():
    figure = telemetry_figure([make_result(), make_gpu_result()], english)
    rows = {trace.name: (trace.yaxis, trace.y[0]) for trace in figure.data}
    assert rows == {
        "CPU load": ("y", 52),
        "Worker's host memory": ("y3", 2),
        "GPU Test GPU: time with any kernel running": ("y", 40),
        "GPU Test GPU: power": ("y2", pytest.approx(300, abs=1)),
        "GPU Test GPU: memory": ("y3", 3),
        "GPU Test GPU: temperature": ("y4", 55),
    }
    layout = figure.layout
    titles = [axis.title.text for axis in (layout.yaxis, layout.yaxis2, layout.yaxis3, layout.yaxis4)]
    assert titles == ["Busy (%)", "Power (W)", "Memory (GiB)", "Temp. (°C)"]
    assert layout.xaxis.title.text == "Time since the job's start (s)"
    assert layout.yaxis.domain[0] > layout.yaxis2.domain[1]  # rows don't touch
    assert layout.yaxis4.domain[0] == 0


def test_the_blocks_of_each_setup_are_shaded():
    blocks = make_uniform_blocks([1.0, 0.5])
    cpu, gpu = telemetry_figure([make_result(blocks=blocks), make_gpu_result()], english).layout.shapes
    assert cpu.path == "M10,0V1H11V0ZM13,0V1H13.5V0Z"
    assert (cpu.name, gpu.name) == ("CPU, being timed", "GPU Test GPU, being timed")
    assert (cpu.yref, cpu.showlegend) == ("paper", True)
    assert cpu.fillcolor.startswith("rgba(59,130,246")


def test_many_readings_become_means_of_equal_stretches():
    figure = telemetry_figure([_power(*((i / 10, float(i % 2)) for i in range(1200)))], english)
    (line,) = figure.data
    assert len(line.y) == MOST_POINTS
    assert set(line.y) == {0.5}
    assert line.x0 == pytest.approx(line.dx / 2, rel=1e-4)
    assert line.dx * MOST_POINTS == pytest.approx(119.9, rel=1e-4)


def test_a_silent_sensor_leaves_a_gap_and_not_a_zero():
    (line,) = telemetry_data(
        [_power((0, 1.0), (1, 1.0), (2, 1.0), (3, None), (30, 1.0), (31, 1.0), (32, 3.0))]
    ).lines
    assert line.values == (1.0, None, pytest.approx(5 / 3))


def test_one_reading_is_a_point():
    (line,) = telemetry_data([_power((5, 7.0))]).lines
    assert line.values == (7.0,)


def test_only_runs_of_one_job_share_the_clock():
    data = telemetry_data([make_result(), make_gpu_result(job_id="job-2")])
    assert [run.id for run in data.runs] == ["run-cpu"]
    assert {line.source for line in data.lines} == {"cpu"}


def test_two_setups_on_one_gpu_show_it_once():
    again = make_gpu_result(id="again")
    lines = telemetry_data([make_gpu_result(), again]).lines
    assert [line.reading for line in lines if line.source == "gpu"] == [
        "load",
        "power",
        "memory",
        "temperature",
    ]


def test_title_and_alternative_text():
    busy = tuple(dataclasses.replace(s, load_pct=97.0) for s in make_cpu_samples())
    results = [make_result(telemetry=make_telemetry(cpu=busy)), make_gpu_result()]
    data = telemetry_data(results)
    assert telemetry_title(data, english) == "Busiest moment: 97 % (CPU), 40 % (GPU Test GPU)"
    assert "GPU Test GPU: temperature 55 °C" in telemetry_alt(data, english)
