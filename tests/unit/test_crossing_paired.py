"""The crossing by the ratios measured in turns around it: exact, refused, outvoted."""

import math

import pytest

from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.paired import Ratio
from core.analysis.crossover.paired import crossing as of_ratios
from core.analysis.crossover.sweep import lines
from core.records import Note, Setup
from tests.sweeps import make_sweep_result

ONE, TWO = Setup(threads=1), Setup(threads=2)
SIZES = (32, 45, 64, 90, 128, 181, 256)


def flat(batch_size):
    return 0.0


def ratios(log, sizes=SIZES, error=0.002):
    return [Ratio(size, log(size), error, 9) for size in sizes]


def test_a_straight_line_of_logarithms_crosses_where_it_is_0():
    found = of_ratios(ratios(lambda b: 0.2 * math.log(b / 100)), flat, 150.0)
    assert found.batch_size.value == pytest.approx(100)
    assert 95 < found.batch_size.low < 100 < found.batch_size.high < 105
    assert found.rises


def test_the_shape_may_be_off_by_a_level_and_a_slope():
    found = of_ratios(ratios(lambda b: -0.2 * math.log(b / 100)), lambda b: 0.3 + 0.1 * math.log(b), 60.0)
    assert found.batch_size.value == pytest.approx(100)
    assert not found.rises


@pytest.mark.parametrize(
    "given",
    [
        ratios(lambda b: 0.2 * math.log(b / 100), SIZES[:4]),
        ratios(lambda b: 0.2 * math.log(b / 20)),  # all on one side
        ratios(lambda b: 0.01 * math.log(b / 100), error=0.03),  # open
        ratios(lambda b: (0.1 if b < 100 else 0.5) * math.log(b / 100)),  # bent
    ],
    ids=["few", "one side", "open", "bent"],
)
def test_otherwise_ratios_give_nothing(given):
    assert of_ratios(given, flat, 100.0) is None


def test_more_scatter_than_the_blocks_explain_widens_it():
    calm = of_ratios(ratios(lambda b: 0.2 * math.log(b / 100)), flat, 100.0).batch_size
    odd = dict(zip(SIZES, (1, -1, -1, 1, 1, -1, 1), strict=True))
    rough = of_ratios(ratios(lambda b: 0.2 * math.log(b / 100) + 0.01 * odd[b]), flat, 100.0).batch_size
    assert rough.high - rough.low > 3 * (calm.high - calm.low)


def test_a_single_ratio_that_says_otherwise_is_outvoted_and_told():
    sizes = (8, 16, 32, 64, 100, 128, 150, 180, 225, 350, 512, 1024)
    runs = []
    for b in sizes:
        off = 1.03 if b == 180 else 1.0
        runs.append(make_sweep_result(b, 3.8e-4 + 1e-6 * b, ONE, noise=0.002))
        runs.append(make_sweep_result(b, (4.4e-4 + 0.6e-6 * b) * off, TWO, noise=0.002))
    found = crossing(*lines(runs))
    assert found.doubts == (Note("ratio_outvoted", {"batch_size": 180}),)
    assert found.confirmed is True
    assert found.batch_size.low < 150 < found.batch_size.high < 180
