"""What the figures of a decision show: costs, times, and what they hang on."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.analysis.decide.cost import costed, month_at
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.analysis.decide.sensitivity import break_even_swings, monthly_swings
from core.figures.decide import decide_cost, decide_sensitivity, decide_time
from core.i18n import english
from core.records import Estimate, Note
from tests.decisions import fast_gpu, slow_cpu

PLAN = Plan(images=100_000, epochs=36, runs_per_month=50)
CONDITIONS = Conditions("EUR", hour_value=6)
OWN = Terms("CPU", "own", rest_w=20)
BUY = Terms("GPU", "buy", purchase=1800, months=36, rest_w=100)
RENT = Terms("GPU", "rent", per_hour=3, unit_s=60, boot_s=100, monthly_fee=5)
LABELS = ("CPU, owned", "GPU Test, bought", "GPU Test, rented")
SLOW_LABELS = ("GPU Test, rented", "GPU Test, bought", "CPU, owned")


def _costs(plan=PLAN):
    cpu, gpu = slow_cpu(), fast_gpu()
    options = ((cpu, OWN), (gpu, BUY), (gpu, RENT))
    return [costed(one, plan, terms, CONDITIONS, cpu) for one, terms in options]


def _swings():
    return monthly_swings(fast_gpu(), PLAN, BUY, CONDITIONS)


def _marked(text):
    return f"¤{text}"


def _drawn(translate):
    """Each figure with its title and its description."""
    costs = _costs()
    cost, time = decide_cost.decide_cost_data(costs, LABELS), decide_time.decide_time_data(costs, LABELS)
    bars = decide_sensitivity.decide_sensitivity_data(_swings(), "cost", "EUR")
    return {
        "cost": (
            decide_cost.decide_cost_figure(costs, LABELS, translate),
            decide_cost.decide_cost_title(cost, translate),
            decide_cost.decide_cost_alt(cost, translate),
        ),
        "time": (
            decide_time.decide_time_figure(costs, LABELS, translate),
            decide_time.decide_time_title(time, translate),
            decide_time.decide_time_alt(time, translate),
        ),
        "sensitivity": (
            decide_sensitivity.decide_sensitivity_figure(_swings(), "cost", "EUR", translate),
            decide_sensitivity.decide_sensitivity_title(bars, translate),
            decide_sensitivity.decide_sensitivity_alt(bars, translate),
        ),
    }


each = pytest.mark.parametrize("name", ["cost", "time", "sensitivity"])


@each
def test_every_text_is_translated(name):
    figure, title, alt = _drawn(_marked)[name]
    assert title.startswith("¤")
    assert alt.startswith("¤")
    axes = [axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis) if axis.title.text]
    assert axes
    assert all(text.startswith("¤") for text in axes)


@each
def test_small_and_for_the_front_end_to_theme(name):
    text = _drawn(english)[name][0].to_json()
    assert len(text) < 20_000
    layout = json.loads(text)["layout"]
    assert "layout" not in layout["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)


def test_nothing_to_draw_is_an_empty_figure_and_said():
    unknown = costed(fast_gpu(power_w=None, no_energy=Note("energy_no_sensor")), PLAN, BUY, CONDITIONS)
    for costs in ([], [unknown]):
        data = decide_cost.decide_cost_data(costs, LABELS[: len(costs)])
        assert len(decide_cost.decide_cost_figure(costs, LABELS[: len(costs)], english).data) == 0
        assert decide_cost.decide_cost_title(data, english) == "No device has a price yet"
        assert decide_cost.decide_cost_alt(data, english)
    assert len(decide_time.decide_time_figure([], [], english).data) == 0
    assert decide_time.decide_time_title(decide_time.decide_time_data([], []), english)
    bars = decide_sensitivity.decide_sensitivity_data([], "cost", "EUR")
    assert len(decide_sensitivity.decide_sensitivity_figure([], "cost", "EUR", english).data) == 0
    assert "{" not in decide_sensitivity.decide_sensitivity_alt(bars, english)


def test_lines_are_the_monthly_costs_and_the_cheapest_comes_first():
    costs = _costs()
    data = decide_cost.decide_cost_data(costs, LABELS)
    assert data.labels == SLOW_LABELS  # 65, 82.30 and 305.15 a month
    figure = decide_cost.decide_cost_figure(costs, LABELS, english)
    rent = next(trace for trace in figure.data if trace.name == "GPU Test, rented")
    middle = len(rent.x) // 2
    assert (rent.x[middle], rent.y[middle]) == pytest.approx((50, 65))
    assert decide_cost.decide_cost_title(data, english) == (
        "At 50 runs a month GPU Test, rented costs least: 65 EUR"
    )


def test_devices_have_a_colour_and_ways_a_dash():
    figure = decide_cost.decide_cost_figure(_costs(), LABELS, english)
    lines = {trace.name: trace.line for trace in figure.data if trace.name in LABELS}
    assert lines["GPU Test, bought"].color == lines["GPU Test, rented"].color != lines["CPU, owned"].color
    assert len({line.dash for line in lines.values()}) == 3


def test_two_offers_of_one_device_are_told_apart():
    offers = [dataclasses.replace(RENT, name=name) for name in ("", "B")]
    costs = [costed(fast_gpu(), PLAN, terms, CONDITIONS) for terms in offers]
    figure = decide_cost.decide_cost_figure(costs, ["A", "B"], english)
    first, second = (next(trace.line for trace in figure.data if trace.name == name) for name in "AB")
    assert first.color == second.color
    assert first.dash != second.dash


def test_what_cannot_do_the_month_is_not_called_the_cheapest():
    plan = dataclasses.replace(PLAN, runs_per_month=800)  # 722 of them fit into a month on the CPU
    free = Conditions(per_kwh=0.01)
    costs = [costed(slow_cpu(), plan, OWN, free), costed(fast_gpu(), plan, RENT, free)]
    data = decide_cost.decide_cost_data(costs, ("CPU", "GPU"))
    assert costs[0].money.month.value < costs[1].money.month.value
    assert data.labels[0] == "GPU"


def test_break_evens_are_where_the_hand_worked_table_has_them():
    data = decide_cost.decide_cost_data(_costs(), LABELS)
    found = {(round(turn.runs, 3), data.labels[turn.index]) for turn in data.turns}
    assert (1.02, "GPU Test, rented") in found
    assert any(runs == pytest.approx(81.227, abs=0.01) and "bought" in label for runs, label in found)
    assert "From 81.2 runs a month on GPU Test, bought costs least." in decide_cost.decide_cost_alt(
        data, english
    )


def test_what_is_owned_ends_where_a_month_does():
    own = _costs()[0]
    assert month_at(own, 722) is not None  # 730.5 h * 3600 / 3640 s = 722.5
    assert month_at(own, 723) is None
    figure = decide_cost.decide_cost_figure([own], LABELS[:1], english)
    line = next(trace for trace in figure.data if trace.name == LABELS[0])
    assert max(line.x) < 722.5


def test_costs_that_overlap_are_not_told_apart():
    cpu = slow_cpu()
    near = slow_cpu(source="recorded", seconds_per_image=Estimate(0.00105, 0.0009, 0.0012))
    costs = [costed(one, PLAN, OWN, CONDITIONS, cpu) for one in (cpu, near)]
    data = decide_cost.decide_cost_data(costs, ("A", "B"))
    assert "can't be told apart" in decide_cost.decide_cost_title(data, english)
    times = decide_time.decide_time_data(costs, ("A", "B"))
    assert "overlap" in decide_time.decide_time_title(times, english)


def test_only_the_cheapest_are_drawn_and_what_is_owned():
    gpu = fast_gpu()
    dear = [costed(gpu, PLAN, dataclasses.replace(RENT, per_hour=3 + i), CONDITIONS) for i in range(12)]
    own = costed(slow_cpu(), PLAN, OWN, CONDITIONS)
    data = decide_cost.decide_cost_data([*dear, own], [str(i) for i in range(13)])
    assert len(data.options) == decide_cost.MOST_LINES + 1
    assert data.labels[-1] == "12"
    assert "4 dearer ones aren't drawn." in decide_cost.decide_cost_alt(data, english)


def test_times_are_dots_with_intervals_and_costs():
    costs = _costs()
    data = decide_time.decide_time_data(costs, LABELS)
    assert list(data.labels) == ["GPU Test, bought", "GPU Test, rented", "CPU, owned"]
    figure = decide_time.decide_time_figure(costs, LABELS, english)
    cpu = figure.data[2]
    assert (cpu.x[0], cpu.error_x.array[0], cpu.error_x.arrayminus[0]) == (3640, 720, 720)
    assert cpu.y[0].endswith("<br>1 h 01 min, 6.1 EUR a run")
    assert "1 h 01 min, between 48 min 40 s and 1 h 13 min" in decide_time.decide_time_alt(data, english)


def test_far_apart_times_are_on_a_logarithmic_axis():
    cpu, gpu = slow_cpu(), fast_gpu(start_s=0.0)
    costs = [costed(cpu, PLAN, OWN, CONDITIONS), costed(gpu, PLAN, BUY, CONDITIONS)]
    assert not decide_time.decide_time_data(costs, LABELS[:2]).logarithmic
    fast = fast_gpu(start_s=0.0, seconds_per_image=Estimate(1e-5, 0.9e-5, 1.1e-5))
    costs[1] = costed(fast, PLAN, BUY, CONDITIONS)
    figure = decide_time.decide_time_figure(costs, LABELS[:2], english)
    assert figure.layout.xaxis.type == "log"
    assert "1 h" in figure.layout.xaxis.ticktext


def test_bars_go_from_the_result_to_both_ends():
    """Buying: 82.30 a month, of it 50 the purchase; 31.67 is waiting."""
    figure = decide_sensitivity.decide_sensitivity_figure(_swings(), "cost", "EUR", english)
    less, more = figure.data
    row = next(i for i, name in enumerate(less.y) if name.startswith("Price<br>"))
    assert (less.base[row], less.x[row], more.x[row]) == pytest.approx((82.3, -10, 10))
    assert less.y[row] == "Price<br>±20 %"
    assert "Price ±20 %" in decide_sensitivity.decide_sensitivity_alt(
        decide_sensitivity.decide_sensitivity_data(_swings(), "cost", "EUR"), english
    )


def test_a_break_even_that_is_lost_is_never():
    near = fast_gpu(seconds_per_image=Estimate(0.0009, 0.0007, 0.0011))
    swings = break_even_swings((near, BUY), (slow_cpu(), OWN), PLAN, CONDITIONS)
    data = decide_sensitivity.decide_sensitivity_data(swings, "break_even", "EUR")
    assert "never" in decide_sensitivity.decide_sensitivity_alt(data, english)
    figure = decide_sensitivity.decide_sensitivity_figure(swings, "break_even", "EUR", english)
    assert len(figure.data[1].y) < len(figure.data[0].y)
    assert figure.layout.xaxis.title.text == "Months until it pays off"


def test_names_from_a_file_stay_text():
    conditions = dataclasses.replace(CONDITIONS, currency="<b>%{x}")
    costs = [costed(slow_cpu(), PLAN, OWN, conditions)]
    text = decide_cost.decide_cost_figure(costs, ["CPU <i>%{y}"], english).to_json()
    text += decide_time.decide_time_figure(costs, ["CPU <i>%{y}"], english).to_json()
    assert "CPU iy" in text
    assert "bx" in text
    assert not any(mark in text for mark in ("u003ci", "u003cb\\u003e", "%{x}", "%{y}"))
