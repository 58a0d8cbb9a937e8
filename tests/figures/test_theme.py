from __future__ import annotations

import pytest

from core import wording
from core.figures import theme
from core.i18n import english
from core.records import STAGES, Device
from tests.builders import make_environment, make_gpu_result, make_result, make_spec


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "colour", [*theme.COLOURS["cpu"], *theme.COLOURS["gpu"], *theme.STAGE_COLOURS.values(), theme.WHISKER]
)
def test_every_colour_is_seen_on_light_and_dark(colour):
    on_white = 1.05 / (_luminance(colour) + 0.05)
    on_dark = (_luminance(colour) + 0.05) / (_luminance("#0E1117") + 0.05)
    assert on_white >= 3
    assert on_dark >= 3


def test_every_stage_has_a_colour_and_a_name():
    assert set(theme.STAGE_COLOURS) == set(theme.STAGE_NAMES) == set(STAGES)
    assert len(set(theme.STAGE_COLOURS.values())) == len(STAGES)


def test_a_kind_keeps_its_colour_wherever_it_stands():
    cpu, gpu, other = make_result(), make_gpu_result(), make_result(id="other")
    assert theme.colour_of(0, [cpu, gpu]) == theme.colour_of(1, [gpu, cpu]) == theme.COLOURS["cpu"][0]
    assert theme.colour_of(1, [cpu, gpu]) == theme.COLOURS["gpu"][0]
    assert theme.colour_of(2, [cpu, gpu, other]) == theme.COLOURS["cpu"][1]
    assert theme.dash_of(2, [cpu, gpu, other]) == "dash"
    assert theme.colour_of(4, [cpu] * 5) == theme.COLOURS["cpu"][0]


def test_labels_name_only_what_differs():
    cpu, gpu = make_result(), make_gpu_result()
    assert wording.labels_of([cpu, gpu], english) == ("CPU", "GPU Test GPU")
    one = make_result(id="one", spec=make_spec(threads=1))
    assert wording.labels_of([cpu, one, gpu], english) == ("CPU · 8 threads", "CPU · 1 thread", "GPU Test GPU")
    half = make_gpu_result(spec=make_spec(device="cuda:0", precision="bf16"))
    assert wording.labels_of([cpu, half], english) == ("CPU · fp32", "GPU Test GPU · bf16")
    loader = make_result(id="loader", spec=make_spec(data_path="loader"))
    assert wording.labels_of([cpu, loader], english) == ("CPU · data resident", "CPU · data loader")


def test_numbers_from_elsewhere_are_labelled_so():
    assert wording.labels_of([make_result(origin="recorded")], english) == ("CPU · recorded",)
    assert wording.labels_of([make_gpu_result(origin="imported")], english) == ("GPU Test GPU · imported",)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("NVIDIA H200", "GPU H200"),
        ("NVIDIA GeForce RTX 4090", "GPU RTX 4090"),
        ("NVIDIA <b>H200</b>", "GPU bH200/b"),  # no markup from an imported record
        ("", "GPU"),
    ],
)
def test_short_device_names(name, label):
    result = make_gpu_result(environment=make_environment(device=Device("cuda:0", name)))
    assert wording.device_of(result) == label


def test_equal_labels_are_numbered_and_found_by_id():
    runs = [make_result(), make_gpu_result(), make_result(id="again")]
    assert wording.labels_of(runs, english) == ("CPU (1)", "GPU Test GPU", "CPU (2)")
    assert wording.label_of(runs[2], runs, english) == "CPU (2)"
    assert wording.labels_of([make_result(environment=None)], english) == ("CPU",)
