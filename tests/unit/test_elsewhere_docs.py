"""docs/ELSEWHERE.md, its translation and the files it names say only what is there."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from core import cli
from core.setups import parse_setup

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("docs/ELSEWHERE.md", "docs/ELSEWHERE.zh-CN.md")
SLURM, SKYPILOT = "hosting/slurm/record.sbatch", "hosting/skypilot/record.yaml"
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in (*GUIDES, SLURM, SKYPILOT)}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
every_guide = pytest.mark.parametrize("name", GUIDES)


def _commands(text):
    """Every command line in it, in one line each."""
    whole = text.replace("\\\n", " ")
    return re.findall(r"python -m core ([a-z][^\n#`]*)", whole)


LINES = sorted({line.strip() for text in TEXTS.values() for line in _commands(text)})


@pytest.fixture
def parsed(monkeypatch):
    asked = []
    for info in pkgutil.iter_modules(cli.__path__):
        module = importlib.import_module(f"core.cli.{info.name}")
        if hasattr(module, "add_to"):
            monkeypatch.setattr(module, "_main", lambda arguments, translate: asked.append(arguments) or 0)

    def parse(words):
        assert cli.main(words) == 0
        return asked[-1]

    return parse


def test_the_scan_sees_the_commands():
    assert {line.split()[0] for line in LINES} == {"devices", "run", "sweep", "record", "import"}


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_is_understood(parsed, line):
    for text in getattr(parsed(shlex.split(line)), "setups", None) or ():
        parse_setup(text)


@every_guide
def test_options_in_the_text_are_offered_by_some_command(name, capsys):
    offered = set()
    for command in ("run", "sweep", "devices", "record", "import"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        offered |= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    prose = _FENCE.sub("", TEXTS[name])
    told = {option for span in re.findall(r"`([^`\n]+)`", prose) for option in re.findall(r"--[a-z-]+", span)}
    rays, slurms, skypilots = (
        {"--num-gpus", "--disable-usage-stats"},
        {"--exclusive", "--mem", "--gres"},
        {"--gpus"},
    )
    assert told - offered == rays | slurms | skypilots


@every_guide
def test_files_that_are_named_are_there(name):
    named = re.findall(r"\b(?:hosting/[\w./-]+|requirements[\w-]*\.txt)", TEXTS[name])
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


@every_guide
def test_variables_are_read_somewhere(name):
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("core", "pages")
        for path in (ROOT / folder).rglob("*.py")
    )
    for variable in re.findall(r"\bCROSSOVER_[A-Z_]+", TEXTS[name]):
        assert variable in sources


def test_both_languages_have_the_same_shape_and_the_same_commands():
    english, chinese = (TEXTS[name] for name in GUIDES)
    assert _FENCE.findall(english) == _FENCE.findall(chinese)
    for mark in (r"^#+ ", r"^\|", r"^- "):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE)), (
            mark
        )


def test_the_options_of_ray_are_rays():
    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:
        pytest.skip("Ray isn't installed here")
    source = (Path(found.origin).parent / "scripts" / "scripts.py").read_text(encoding="utf-8")
    lines = re.findall(r"ray start ([^\n]*)", TEXTS[GUIDES[0]])
    options = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert options >= {"--head", "--labels"}
    assert [option for option in options if f'"{option}"' not in source] == []


def test_the_batch_script_is_a_shell_script_whose_requests_come_first():
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    subprocess.run([bash, "-n", ROOT / SLURM], check=True)
    lines = TEXTS[SLURM].splitlines()
    asked = [i for i, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert asked
    assert max(asked) < first, "Slurm reads requests up to the first command"
    assert "#SBATCH --exclusive" in lines
    assert {re.match(r"#SBATCH (--[a-z-]+)", lines[i])[1] for i in asked} == {
        *("--job-name", "--nodes", "--ntasks", "--exclusive", "--mem", "--gres", "--time", "--output")
    }


def test_the_yaml_has_skypilots_fields_only():
    yaml = pytest.importorskip("yaml")
    task = yaml.safe_load(TEXTS[SKYPILOT])
    assert set(task) == {"name", "workdir", "resources", "setup", "run"}
    assert set(task["resources"]) == {"any_of", "cpus", "disk_size", "use_spot"}
    assert all(set(choice) == {"accelerators"} for choice in task["resources"]["any_of"])
    bash = shutil.which("bash")
    for script in (task["setup"], task["run"]):
        assert bash is None or subprocess.run([bash, "-n"], input=script, text=True, check=True)
