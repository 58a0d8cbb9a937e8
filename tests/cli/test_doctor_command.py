"""`python -m core doctor`: what it prints, its exit codes, and that it starts where nothing else does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import messages
from core.errors import MeasurementError
from core.hardware.doctor.facts import Finding, Remedy
from core.messages import doctor as words
from core.records import Note
from core.runs.checkup import Examination
from core.runs.files import masking
from tests.doctored import UUID, make_check, make_cuda_torch, make_facts, make_gpu_facts

ROOT = Path(__file__).resolve().parents[2]
MEND = Finding(
    "invented",
    "error",
    {"version": "2.13.0+cpu"},
    Remedy(("pip uninstall torch", "pip install torch"), 'python -c "import torch"'),
)
TELL = Finding("invented", "info", {"version": "2.13.0"})

# As if nothing but what a command needs at the least were installed; not even torch.
WITHOUT = """
import importlib.machinery, sys

class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        kept = ("psutil", "pynvml", "core", "sitecustomize", *sys.stdlib_module_names)
        if name.partition(".")[0] not in kept:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Finder
"""


@pytest.fixture(autouse=True)
def _a_finding_with_words(monkeypatch):
    monkeypatch.setitem(messages.ALL, "invented", "torch {version} is for the CPU.")
    monkeypatch.setitem(words.MEANS, "invented", "No GPU can be used.")
    monkeypatch.setitem(words.MEND, "invented", "Install another build.")


@pytest.fixture
def doctor(crossover, monkeypatch):
    """The command on a machine with these facts and findings."""

    def run(facts, *findings, options=()):
        found = Examination("2026-11-29T10:11:12+00:00", facts, findings)
        monkeypatch.setattr("core.cli.doctor.examine", lambda tell: tell(Note("doctor_looking")) or found)
        return crossover("doctor", *options)

    return run


def test_a_healthy_machine_ends_with_0(doctor):
    code, out, err = doctor(make_facts())
    assert (code, err) == (0, [])
    assert out == [
        "This machine has no NVIDIA GPU; training runs on the CPU. Nothing to mend.",
        "",
        "A matrix product on each device:",
        "  cpu      NVIDIA H200  2 ms  computes; other devices are compared with it",
    ]


def test_what_is_to_mend_is_told_in_full_and_ends_with_1(doctor):
    failed = make_check(failure=Note("too_few_blocks"))
    code, out, err = doctor(make_gpu_facts(checks=(make_check("cpu"), failed)), MEND)
    assert (code, err) == (1, [])
    assert out[0] == "There is a GPU here, but training can't use it. One thing to mend."
    assert out[2:9] == [
        "Error: torch 2.13.0+cpu is for the CPU.",
        "  No GPU can be used.",
        "  Install another build.",
        "    pip uninstall torch",
        "    pip install torch",
        "  To see that it worked:",
        '    python -c "import torch"',
    ]
    assert out[-1].split(maxsplit=4)[:4] == ["cuda:0", "NVIDIA", "H200", "–"]


@pytest.mark.parametrize(("severity", "code"), [("error", 1), ("warning", 1), ("info", 0)])
def test_what_is_only_told_is_nothing_to_mend(severity, code, doctor):
    assert doctor(make_facts(), Finding("invented", severity, {"version": "2"}))[0] == code


def test_the_json_holds_codes_facts_and_words(doctor):
    code, out, _err = doctor(make_gpu_facts(), MEND, TELL, options=["--json"])
    told = json.loads("\n".join(out))
    assert code == 1
    assert told["findings"] == [
        {
            "code": "invented",
            "severity": "error",
            "facts": {"version": "2.13.0+cpu"},
            "remedy": {
                "commands": ["pip uninstall torch", "pip install torch"],
                "check": 'python -c "import torch"',
            },
            "found": "torch 2.13.0+cpu is for the CPU.",
            "means": "No GPU can be used.",
            "mend": "Install another build.",
        },
        {
            "code": "invented",
            "severity": "info",
            "facts": {"version": "2.13.0"},
            "remedy": None,
            "found": "torch 2.13.0 is for the CPU.",
            "means": "No GPU can be used.",
            "mend": "Install another build.",
        },
    ]
    assert (told["created_at"], told["healthy"]) == ("2026-11-29T10:11:12+00:00", False)
    assert [device["id"] for device in told["devices"]] == ["cpu", "cuda:0"]
    product = {"seconds": 0.002, "largest_difference": 1e-6, "failure": None}
    assert product.items() <= told["devices"][1].items()
    assert told["machine"]["driver"]["version"] == "580.65.06"


def test_the_json_names_nobody_either(doctor, monkeypatch):
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "agatha")
    masking._own_names.cache_clear()
    problem = "agatha's libc10.so isn't in C:\\Users\\Agatha Smith\\lib"
    torch = make_cuda_torch(problem=problem)
    facts = make_gpu_facts(torch=torch, variables=(("CUDA_VISIBLE_DEVICES", UUID),))
    told = "\n".join(doctor(facts, Finding("invented", "info", {"version": problem}), options=["--json"])[1])
    masking._own_names.cache_clear()
    assert [word for word in ("agatha", "smith", UUID.lower()) if word in told.lower()] == []
    assert f"{UUID[:8]}…" in told
    assert json.loads(told)["machine"]["driver"]["libraries"] == ["libcuda.so.1", "libnvidia-ml.so.1"]


def test_the_report_is_markdown(doctor):
    code, out, _err = doctor(make_gpu_facts(), options=["--report"])
    assert code == 0
    assert out[0] == "**Training can use the GPU here: NVIDIA H200. Nothing to mend.**"
    assert "```text" in out


def test_json_and_report_exclude_each_other(crossover):
    code, out, err = crossover("doctor", "--json", "--report")
    assert (code, out, len(err)) == (2, [], 1)


def test_on_a_terminal_it_says_what_it_is_doing_and_wipes_it_away(doctor, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _code, out, err = doctor(make_facts())
    assert "Looking at the hardware" in err[1]
    assert err[-1] == "\033[K"
    assert "Looking at" not in "".join(out)


@pytest.mark.parametrize(
    ("problem", "code", "told"),
    [(KeyboardInterrupt(), 130, []), (MeasurementError("lock_failed", problem="disk full"), 1, ["disk full"])],
)
def test_an_examination_that_doesnt_end(problem, code, told, crossover, monkeypatch):
    def examine(tell):
        raise problem

    monkeypatch.setattr("core.cli.doctor.examine", examine)
    found, out, err = crossover("doctor")
    assert (found, out, len(err)) == (code, [], len(told))
    assert all(word in line for word, line in zip(told, err, strict=True))


def test_it_is_in_the_readers_language(doctor, monkeypatch):
    english = doctor(make_facts(), TELL)[1]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    chinese = doctor(make_facts(), TELL)[1]
    assert len(chinese) == len(english)
    assert chinese[0] != english[0]


# --- where hardly anything is installed


@pytest.fixture
def bare(tmp_path):
    """Run a command in a Python that has little more than itself."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "core", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_without_torch_it_says_so(bare):
    done = bare("doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert "torch_missing" in [finding["code"] for finding in told["findings"]]
    assert (told["machine"]["torch"], told["devices"]) == (None, [])


def test_the_report_needs_no_more(bare):
    done = bare("doctor", "--report")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("**Torch can't be used here")


def test_a_command_that_needs_more_says_what_is_missing(bare):
    done = bare("run")
    assert done.returncode == 1
    assert done.stderr.startswith("error: The package filelock isn't installed here.")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_had_enough_is_no_crash():
    said = "import core.cli, runpy; core.cli.main = lambda arguments: print('a line'); "
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        command = (sys.executable, "-c", said + "runpy.run_module('core', run_name='__main__')")
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
