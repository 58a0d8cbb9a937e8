"""How busy each logical core is, as a grid that reads with 2 cores and with 256."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from core import units
from core.i18n import Translate
from core.records import CpuNow

_MOST_NUMBERED = 32  # above that the numbers don't fit a phone
_MOST_ACROSS = 32
_CELL_HEIGHT, _AROUND, _LOWEST = 34, 36, 120  # pixels
# Cividis (J. Nuñez, C. Anderton, R. Renslow, 2018): from dark to light, also for those who see no colours
_COLOURS = ["#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838"]
_BUSY_PCT = 90.0


@dataclass(frozen=True, slots=True)
class Cores:
    loads_pct: tuple[float | None, ...]
    clocks_hz: tuple[float, ...] | None

    @property
    def across(self) -> int:
        """Cores in a row: all where they are few, else a power of two, so that the grid is wider than high."""
        count = max(1, len(self.loads_pct))
        return min(count, _MOST_ACROSS, max(8, 1 << math.ceil(math.log2(2 * count) / 2)))

    @property
    def rows(self) -> int:
        return max(1, -(-len(self.loads_pct) // self.across))


def cores_data(cpu: CpuNow) -> Cores:
    clocks = cpu.core_clocks_hz
    return Cores(cpu.core_loads_pct, clocks if clocks and len(clocks) == len(cpu.core_loads_pct) else None)


def cores_figure(data: Cores, translate: Translate) -> dict[str, Any]:
    """An ECharts option, as of history_figure."""
    known = any(load is not None for load in data.loads_pct)
    rows, numbered = range(data.rows), len(data.loads_pct) <= _MOST_NUMBERED
    quiet = {"axisTick": {"show": False}, "axisLine": {"show": False}, "splitLine": {"show": False}}
    return {
        "animation": False,
        "grid": {"left": 40, "right": 64, "top": 4, "bottom": 28},
        "xAxis": {
            "type": "category",
            "data": list(range(data.across)),
            "name": translate("Logical cores, row by row"),
            "nameLocation": "middle",
            "nameGap": 10,
            "axisLabel": {"show": False},
            **quiet,
        },
        "yAxis": {
            "type": "category",
            "data": [str(row * data.across) for row in rows],
            "inverse": True,
            **quiet,
        },
        "visualMap": {
            "min": 0,
            "max": 100,
            "dimension": 2,
            "right": 0,
            "top": "middle",
            "itemWidth": 10,
            "itemHeight": min(90, cores_height(data) - 70),
            "text": ["100 %", "0"],
            "inRange": {"color": _COLOURS},
        },
        "tooltip": {"formatter": _spoken(data, translate)},
        "series": [
            {
                "type": "heatmap",
                "data": [_cell(data, core) for core in range(len(data.loads_pct))] if known else [],
                "label": {"show": numbered, "formatter": "{@[2]}"},
                "itemStyle": {"borderWidth": 1, "borderColor": "#78808C"},
            }
        ],
    }


def cores_height(data: Cores) -> int:
    """In pixels."""
    cell = _CELL_HEIGHT if len(data.loads_pct) <= _MOST_NUMBERED else _CELL_HEIGHT // 2
    return max(_LOWEST, _AROUND + data.rows * cell)


def _spoken(data: Cores, translate: Translate) -> str:
    if data.clocks_hz is None:
        return translate("core {core}: {load} %").format(core="{@[3]}", load="{@[2]}")
    return translate("core {core}: {load} %, {clock} GHz").format(core="{@[3]}", load="{@[2]}", clock="{@[4]}")


def _cell(data: Cores, core: int) -> list[Any]:
    """Column, row, load, core and clock; a load that isn't known leaves the cell empty."""
    load = data.loads_pct[core]
    clock = [] if data.clocks_hz is None else [float(f"{data.clocks_hz[core] / 1e9:.3g}")]
    row, column = divmod(core, data.across)
    return [column, row, "-" if load is None else round(load), core, *clock]


def cores_title(data: Cores, translate: Translate) -> str:
    known = [load for load in data.loads_pct if load is not None]
    if not known:
        return translate("The load of single cores isn't visible here")
    busy = sum(load >= _BUSY_PCT for load in known)
    return translate("{busy} of {all} logical cores are at least {pct} busy").format(
        busy=busy, all=len(data.loads_pct), pct=units.percent(_BUSY_PCT)
    )


def cores_alt(data: Cores, translate: Translate) -> str:
    known = sorted((load, core) for core, load in enumerate(data.loads_pct) if load is not None)
    busiest = translate(", ").join(
        translate("core {core}: {load}").format(core=core, load=units.percent(round(load)))
        for load, core in known[::-1][:4]
    )
    return translate("A grid of the loads of {n} logical cores. The busiest: {values}.").format(
        n=len(data.loads_pct), values=busiest or units.ABSENT
    )
