from __future__ import annotations

from core.figures.memory import memory_alt, memory_data, memory_figure, memory_title
from core.i18n import english
from core.records import Memory
from tests.builders import make_gpu_result, make_result


def test_peaks_that_were_measured():
    figure = memory_figure([make_result(), make_gpu_result()], english)
    assert [(trace.name, trace.y, trace.x) for trace in figure.data] == [
        ("CPU", ("Host",), (300,)),
        ("GPU Test GPU", ("Host", "Device"), (500, 812)),
    ]
    assert figure.data[1].text == ("500 MiB", "812 MiB")
    assert figure.layout.xaxis.title.text == "Peak memory (MiB)"


def test_the_unit_follows_the_largest_peak():
    figure = memory_figure([make_result(memory=Memory(2**29, 3 * 2**30))], english)
    assert figure.data[0].x == (0.5, 3)
    assert figure.layout.xaxis.title.text == "Peak memory (GiB)"


def test_title_and_alternative_text():
    data = memory_data([make_result(), make_gpu_result(), make_result(id="x", memory=Memory(None, None))])
    expected = "300 MiB on the host (CPU (1)), 500 MiB on the host + 812 MiB on the device (GPU Test GPU)"
    assert memory_title(data, english) == f"Peak memory: {expected}"
    assert expected in memory_alt(data, english)
