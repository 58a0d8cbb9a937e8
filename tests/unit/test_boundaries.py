"""The import contracts hold, and each one bites: an import that breaks it is reported under its name, alone."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# where a line is added, the line, and the contracts it breaks
VIOLATIONS = [
    ("core/runs", "import streamlit", {"screen"}),
    ("core/analysis", "from dashboard import main", {"screen"}),
    ("core/figures", "import pages._shared", {"screen", "direction"}),
    ("core/runs", "import torch", {"torch"}),
    ("pages/_shared", "from torch.nn import Linear", {"torch"}),
    ("core/hardware", "import torchvision", {"torch"}),
    ("pages", "from core.measure import job", {"measure"}),
    ("core/cli", "from core.measure.job import run", {"measure"}),
    ("core/runs", "def later():\n    import core.measure", {"measure", "direction"}),
    ("core/runs", "import ray", {"ray"}),
    ("pages", "from ray.util import state", {"ray"}),
    ("core/cli", "from core.cluster import reach", {"cluster"}),
    ("core/runs", "import core.cluster", {"cluster", "direction"}),
    ("core/cluster", "from core.measure import job", {"measure"}),
    ("core/hardware", "import pynvml", {"nvml"}),
    ("pages", "import plotly.graph_objects as go", {"plotly"}),
    ("core/analysis", "import plotly", {"plotly"}),
    ("core/runs", "from sqlalchemy import text", {"sql"}),
    ("core/runs", "import core.figures", {"direction"}),
    ("core/analysis", "import core.runs", {"direction"}),
    ("core/analysis", "import core.hardware", {"direction"}),
    ("core/hardware", "import core.runs", {"direction"}),
    ("core/measure", "import core.runs", {"direction"}),
    ("core/analysis", "import core.messages", {"analysis"}),
    ("core/figures", "import core.hardware", {"figures"}),
    ("core/measure", "import core.analysis", {"worker"}),
    ("core/measure", "from core.messages import sentence", {"worker"}),
    ("core/hardware", "import core.messages", {"worker"}),
]


def _broken(folder: Path) -> set[str]:
    """The ids of the contracts that the packages in `folder` break."""
    script = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "PYTHONUTF8": "1"},
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", done.stdout, re.MULTILINE))
    assert verdicts.keys() == set(CONTRACTS.values()), done.stdout + done.stderr
    return {name for name, title in CONTRACTS.items() if verdicts[title] == "BROKEN"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in ("core", "pages"):
        for path in (ROOT / package).rglob("*.py"):
            (folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


@pytest.fixture(scope="module")
def standing(copy):
    return _broken(copy)


def test_all_contracts_hold(standing):
    assert standing == set()


@pytest.mark.parametrize(("package", "line", "expected"), VIOLATIONS)
def test_a_forbidden_import_breaks_its_contract(copy, standing, package, line, expected):
    intruder = copy / package / "intruder.py"
    intruder.parent.mkdir(exist_ok=True)
    (intruder.parent / "__init__.py").touch()
    intruder.write_text(line)
    try:
        assert _broken(copy) == expected | standing
    finally:
        intruder.unlink()


def test_every_contract_is_shown_to_bite():
    assert set.union(*(expected for _, _, expected in VIOLATIONS)) == CONTRACTS.keys()


def _outside_the_house(source: str) -> set[str]:
    """What dashboard.py imports beyond Streamlit, pages, core (but for core.measure) and Python itself."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    welcome = {"streamlit", "pages", "core", *sys.stdlib_module_names}
    return {name for name in modules if name.split(".")[0] not in welcome or name.startswith("core.measure")}


def test_dashboard_imports_what_a_page_may():
    assert _outside_the_house((ROOT / "dashboard.py").read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import torch", "torch"),
        ("from core import measure", "core.measure"),
        ("from core.measure import job", "core.measure.job"),
        ("def main():\n    from plotly import graph_objects", "plotly.graph_objects"),
    ],
)
def test_a_forbidden_import_in_dashboard_is_found(line, found):
    assert _outside_the_house(f"import json\nimport streamlit as st\n{line}") == {found}
