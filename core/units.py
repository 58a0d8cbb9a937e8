"""Numbers to text, with no more digits than they carry. Knows units, not where a number comes from."""

from __future__ import annotations

import math

from core.i18n import Translate, english
from core.records import Estimate

ABSENT = "–"
DIGITS = 3  # significant; nothing this project times is steadier than that
_RATIO_DIGITS = 4  # at most, and only where the interval carries them
_J_PER_KWH = 3.6e6
_FLOP_UNITS = ((1e15, "PFLOP/s"), (1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"))
_CENT = 0.01


def number(value: float | None, digits: int = DIGITS) -> str:
    """`value` to `digits` significant digits, thousands apart, no trailing zeros: 54,300, 4.1, 0.0123."""
    if value is None:
        return ABSENT
    if value == 0:
        return "0"
    text = _fixed(value, digits - 1 - math.floor(math.log10(abs(value))))
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float | None) -> str:
    """Seconds as 850 µs, 12.3 ms, 4.1 s, 2 min 05 s, 3 h 12 min or 5 d 03 h."""
    if seconds is None:
        return ABSENT
    if seconds < 0:
        return f"-{duration(-seconds)}"
    short = float(f"{seconds:.{DIGITS}g}")  # rounded first, so that 59.97 s is a minute and not "60 s"
    if short < 60:
        factor, unit = next(
            ((f, u) for f, u in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")) if short >= f or short == 0),
            (1e-9, "ns"),
        )
        return f"{number(short / factor)} {unit}"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours:02d} h"


def rate(per_s: float | None, translate: Translate = english) -> str:
    """Images per second: 54,300 images/s."""
    return ABSENT if per_s is None else translate("{number} images/s").format(number=number(per_s))


def size(count: float | None) -> str:
    """Bytes in binary units: 512 B, 1.5 GiB."""
    return ABSENT if count is None else _scaled(count, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def watts(power_w: float | None) -> str:
    return ABSENT if power_w is None else f"{number(power_w)} W"


def joules(energy_j: float | None) -> str:
    """Joules as 0.5 J, 12 kJ, 3.1 MJ, and from one kilowatt-hour on as people buy it: 1.2 kWh."""
    if energy_j is None:
        return ABSENT
    if abs(energy_j) >= _J_PER_KWH:
        return f"{number(energy_j / _J_PER_KWH)} kWh"
    return _scaled(energy_j, 1000, ("J", "kJ", "MJ"))


def flop_rate(per_second: float) -> str:
    """FLOP per second with a unit near to it: 218 GFLOP/s."""
    factor, unit = next((item for item in _FLOP_UNITS if per_second >= item[0]), _FLOP_UNITS[-1])
    return f"{number(per_second / factor)} {unit}"


def money(amount: float, currency: str) -> str:
    """An amount in a currency; what nobody would pay for one by one isn't told to the digit: ≤0.01 EUR."""
    return f"≤{_CENT} {currency}" if 0 < amount < _CENT else f"{number(amount)} {currency}"


def percent(value_pct: float | None) -> str:
    """A value that is in per cent already: 92.5 %."""
    return ABSENT if value_pct is None else f"{number(value_pct)} %"


def ratio(estimate: Estimate | None) -> str:
    """A factor with the digits that its interval carries: 14.2× for 13.8 to 14.6, 14× for 11 to 17."""
    return ABSENT if estimate is None else f"{_fixed(estimate.value, _carried(estimate))}×"


def interval(estimate: Estimate | None) -> str:
    """The interval of a factor, with the same digits as `ratio`: 13.8–14.6."""
    if estimate is None:
        return ABSENT
    decimals = _carried(estimate)
    return f"{_fixed(estimate.low, decimals)}–{_fixed(estimate.high, decimals)}"


def share(part: Estimate | None) -> str:
    """A part of a whole in per cent, with the digits that its interval carries: 85 % for 0.81 to 0.89."""
    return ABSENT if part is None else f"{_fixed(100 * part.value, _carried(_in_per_cent(part)))} %"


def share_interval(part: Estimate | None) -> str:
    """The interval of a part, with the same digits as `share`: 81–89 %."""
    return ABSENT if part is None else f"{interval(_in_per_cent(part))} %"


def _in_per_cent(part: Estimate) -> Estimate:
    return Estimate(100 * part.value, 100 * part.low, 100 * part.high)


def _carried(estimate: Estimate) -> int:
    """Decimals down to the leading digit of the interval's half width; negative left of the point."""
    most = _RATIO_DIGITS - 1 - math.floor(math.log10(abs(estimate.value))) if estimate.value else _RATIO_DIGITS
    half = float(f"{(estimate.high - estimate.low) / 2:.6g}")  # 0.01 and not 0.00999999
    return min(most, -math.floor(math.log10(half))) if half > 0 else most


def _fixed(value: float, decimals: int) -> str:
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def _scaled(value: float, step: int, names: tuple[str, ...]) -> str:
    power = 0
    while power < len(names) - 1 and abs(value) >= step - 0.5:  # 999.9 J is 1 kJ, not "1,000 J"
        value, power = value / step, power + 1
    return f"{number(value)} {names[power]}"
