"""READMEs and guides say only what is there, in both languages: commands, targets, files, variables, fields."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from core import cli, i18n
from core.analysis.comparison import compare
from core.cli.table import print_results
from core.runs.files import exchange
from core.setups import parse_setup
from tests.builders import make_gpu_result, make_result

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {"README.md": "en", "README.zh-CN.md": "zh_CN"}
_PARTS = ("PAGES", "COMMANDS", "METHOD", "WORK")  # what a README leads to, and what is asked of both together
PAIRS = [
    tuple(LANGUAGES),
    *((f"docs/{name}.md", f"docs/{name}.zh-CN.md") for name in (*_PARTS, "HOSTING", "ELSEWHERE")),
]
DOCS = [*(name for pair in PAIRS for name in pair), "CONTRIBUTING.md", "CHANGELOG.md", "recordings/README.md"]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCS}
BOOKS = {
    name: "\n".join(TEXTS[pair[place]] for pair in PAIRS[: 1 + len(_PARTS)])
    for place, name in enumerate(LANGUAGES)
}
COMMAND_GUIDES = {name: PAIRS[2][place] for place, name in enumerate(LANGUAGES)}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_IN_GIT = ("data/", ".venv/", ".streamlit/secrets.toml")

every_doc = pytest.mark.parametrize("name", DOCS)
every_readme = pytest.mark.parametrize("name", LANGUAGES)
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=[english for english, _ in PAIRS])


def _prose(text):
    return _FENCE.sub("", text)


def _spans(text):
    """What stands in backticks within the prose."""
    return re.findall(r"`([^`\n]+)`", _prose(text))


def _code(text):
    return [body for _, body in _FENCE.findall(text)] + _spans(text)


def _found(pattern, texts):
    return sorted({match.strip() for text in texts for match in re.findall(pattern, text)})


def _headings(text):
    return re.findall(r"^(#+) ", _prose(text), re.MULTILINE)


def _sections(text):
    return re.split(r"^#+ .*$", _prose(text), flags=re.MULTILINE)


def _first_cells(text):
    return re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)


def _documented(name, kind):
    """Names in the first column of the tables in the section about `kind`."""
    (section,) = (part for part in _sections(TEXTS[name]) if f"| `{kind}`" in part)
    return set(re.findall(r"`(\w+)`", " ".join(_first_cells(section))))


def _sources():
    files = [ROOT / "Makefile", ROOT / "dashboard.py", ROOT / ".streamlit" / "config.toml"]
    for folder in ("core", "pages", "scripts"):
        files += sorted((ROOT / folder).rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def _command_modules():
    modules = [importlib.import_module(f"core.cli.{info.name}") for info in pkgutil.iter_modules(cli.__path__)]
    return [module for module in modules if hasattr(module, "add_to")]


@pytest.fixture
def parsed(monkeypatch):
    """The command line up to the point where a command would be carried out: what it was asked for."""
    asked = []
    for module in _command_modules():
        monkeypatch.setattr(module, "_main", lambda arguments, translate: asked.append(arguments) or 0)

    def parse(words):
        assert cli.main(words) == 0
        return asked[-1]

    return parse


COMMANDS = _found(r"python -m core ([a-z][^\n#]*)", [part for text in TEXTS.values() for part in _code(text)])


def test_the_scan_sees_the_commands():
    assert {line.split()[0] for line in COMMANDS} >= {"run", "devices", "record"}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_is_understood(parsed, line):
    for text in getattr(parsed(shlex.split(line)), "setups", None) or ():
        parse_setup(text)


def _commands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    return re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)


@every_readme
def test_every_command_is_told_of(name, capsys):
    commands = _commands(capsys)
    assert len(commands) >= 4
    for text in (TEXTS[name], TEXTS[COMMAND_GUIDES[name]]):
        assert [command for command in commands if f"`{command}`" not in text] == []


@every_readme
def test_every_option_is_told_of_and_no_other(name, capsys):
    offered = set()
    for command in _commands(capsys):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        offered |= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert set(_found(r"--[a-z-]+", _spans(TEXTS[COMMAND_GUIDES[name]]))) == offered
    assert set(_found(r"--[a-z-]+", _spans(BOOKS[name]))) == offered


@every_doc
def test_modules_that_are_started_by_name_are_there(name):
    for module in _found(r"python -m ([\w.]+)", _code(TEXTS[name])):
        assert importlib.util.find_spec(module), module


@every_doc
def test_every_make_target_exists(name):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(_found(r"\bmake ([a-z]+)", _code(TEXTS[name]))) <= set(targets)


@every_readme
def test_every_target_of_make_help_is_told_of(name):
    offered = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(_found(r"\bmake ([a-z]+)", _code(TEXTS[name]))) == set(offered)


@every_doc
def test_linked_files_are_there(name):
    links = re.findall(r"\]\(([^)\s]+)\)", _prose(TEXTS[name]))
    files = [link for link in links if not link.startswith(("https://", "#"))]
    assert [link for link in files if not (ROOT / name).parent.joinpath(link).exists()] == []


@every_doc
def test_files_that_are_named_are_there(name):
    """Paths in backticks; NAME stands for any name, and what git ignores is somewhere else."""
    top = {path.name for path in ROOT.iterdir()}
    named = [span for span in _spans(TEXTS[name]) if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", span)]
    paths = [span for span in named if span.split("/")[0] in top and ("/" in span or "." in span)]
    wanted = [path for path in paths if "NAME" not in path and not path.startswith(_NOT_IN_GIT)]
    assert [path for path in wanted if not (ROOT / path).exists()] == []


@every_readme
def test_the_map_is_complete_and_true(name):
    (drawn,) = (body for kind, body in _FENCE.findall(TEXTS[name]) if kind == "text" and "dashboard.py" in body)
    places = re.findall(r"^( *)([\w.]+/?)", drawn, re.MULTILINE)
    paths = {f"core/{place}" if indent else place for indent, place in places}
    assert [path for path in paths if not (ROOT / path).exists()] == []
    rooms = {f"core/{path.name}/" for path in (ROOT / "core").iterdir() if path.is_dir()}
    assert rooms - {"core/__pycache__/"} <= paths


@every_readme
def test_variables_of_the_table_are_read_somewhere(name):
    sources, told = _sources(), _documented(name, "DATABASE_URL")
    assert {variable for variable in told if not re.search(rf"\b{variable}\b", sources)} == set()
    assert set(re.findall(r"\bCROSSOVER_[A-Z_]+\b", sources)) <= told


@every_readme
def test_the_fields_of_the_export_are_told_of(name):
    results = make_result(), make_gpu_result()
    document = exchange.document(results, [compare(*results)], created_at="2026-11-22T10:00:00+00:00")
    fields = set(document["runs"][0]) | set(document["comparisons"][0])
    assert _documented(COMMAND_GUIDES[name], "first_losses") == fields
    assert all(f"`{key}`" in TEXTS[COMMAND_GUIDES[name]] for key in document)


@every_readme
def test_the_table_that_is_quoted_looks_as_printed(name, capsys):
    print_results((make_result(), make_gpu_result()), (), i18n.translator(LANGUAGES[name]))
    header = capsys.readouterr().out.splitlines()[0]
    quoted = next(body for kind, body in _FENCE.findall(TEXTS[name]) if kind == "text").splitlines()[0]
    assert re.split(r" {2,}", quoted) == re.split(r" {2,}", header)


@every_readme
def test_pins_are_those_of_the_requirements(name):
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    told = _found(r"\b[a-z]+==[\d.]+", [TEXTS[name]])
    assert told
    assert [pin for pin in told if not re.search(rf"^{re.escape(pin)}\b(?!\.)", pins, re.MULTILINE)] == []


@pytest.mark.parametrize("name", [*LANGUAGES, "CHANGELOG.md", "CITATION.cff"])
def test_the_version_is_told(name):
    assert VERSION in (ROOT / name).read_text(encoding="utf-8")


@every_pair
def test_both_languages_have_the_same_shape(pair):
    english, chinese = (TEXTS[name] for name in pair)
    assert _headings(english) == _headings(chinese)
    assert [kind for kind, _ in _FENCE.findall(english)] == [kind for kind, _ in _FENCE.findall(chinese)]
    for mark in (r"^\|", r"^- ", r"^\d\. "):
        counts = [
            [len(re.findall(mark, part, re.MULTILINE)) for part in _sections(text)]
            for text in (english, chinese)
        ]
        assert counts[0] == counts[1], mark


@every_pair
def test_both_languages_have_the_same_commands(pair):
    commands = [
        [
            re.sub(r" *#.*", "", body)
            for kind, body in _FENCE.findall(TEXTS[name])
            if kind in ("bash", "powershell")
        ]
        for name in pair
    ]
    assert commands[0] == commands[1]


def test_the_scan_sees_the_blocks_of_commands():
    blocks = [kind for kind, _ in _FENCE.findall(TEXTS["README.md"]) if kind in ("bash", "powershell")]
    assert len(blocks) >= 5


@every_pair
def test_both_languages_name_the_same_things(pair):
    """Table by table, what stands in backticks in the first column."""
    named = [re.findall(r"`([^`]+)`", " ".join(_first_cells(TEXTS[name]))) for name in pair]
    assert named[0] == named[1]


@every_readme
def test_a_newcomer_gets_through_a_readme_and_finds_every_guide(name):
    """What a page, a command or a figure is in full stands in docs/, which the README names."""
    assert len(TEXTS[name].splitlines()) <= 300
    place = list(LANGUAGES).index(name)
    assert [pair[place] for pair in PAIRS[1:] if f"]({pair[place]})" not in TEXTS[name]] == []


def test_every_guide_is_compared_with_its_translation():
    guides = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert guides == {name for pair in PAIRS[1:] for name in pair}


@pytest.mark.parametrize("name", ["README.md", "docs/PAGES.md"])
def test_every_page_is_told_of(name):
    pages = {path.stem.capitalize() for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__"}
    assert pages <= set(re.findall(r"^(?:\| \*\*|## )(\w+)", TEXTS[name], re.MULTILINE))
