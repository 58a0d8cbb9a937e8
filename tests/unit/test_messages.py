"""Every code has a sentence, every sentence a code, and the facts that it quotes are given."""

import ast
import string
from pathlib import Path

import pytest

from core import messages
from core.analysis import parity
from core.cli import engine
from core.hardware import nvml
from core.messages import findings, mending

ROOT = Path(__file__).resolve().parents[2]
CORE = [path for path in sorted((ROOT / "core").rglob("*.py")) if path.parent.name != "messages"]
SCREEN = [ROOT / "dashboard.py", *sorted((ROOT / "pages").rglob("*.py"))]
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in CORE}

# What carries a code, and which of its arguments the code is
CARRIERS = {
    "CrossoverError": 0,
    "InputError": 0,
    "MeasurementError": 0,
    "StoreError": 0,
    "ProcessSpoilt": 0,
    "Note": 0,
    "Caveat": 0,
    "Absent": 1,
    "Verdict": 1,
    "BadFile": 1,
    "Finding": 0,
    "Difference": 4,
    "_differing": 4,
    "speaking": 0,
    "_note": 1,
}
ERRORS = {name for name in CARRIERS if name.endswith("Error")} | {"ProcessSpoilt"}
OF_EVERY_RUN = {"run", "device"}  # analysis.caveats adds them


def _name(node):
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _calls():
    """Every call that carries a code that can be read off the source: file and line, carrier, code, call."""
    for path, tree in TREES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            carrier = _name(call.func)
            place = CARRIERS.get(carrier)
            if place is not None and len(call.args) > place and (code := _text(call.args[place])):
                yield f"{path}:{call.lineno}", carrier, code, call


def _reasons():
    """Codes that pass through variables and functions called "reason"."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any("reason" in ast.unparse(item) for item in node.targets):
                value = node.value
                choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            elif isinstance(node, ast.FunctionDef) and "reason" in node.name:
                choices = [item.value for item in ast.walk(node) if isinstance(item, ast.Return)]
            else:
                continue
            yield from ((f"{path}:{node.lineno}", code) for item in choices if (code := _text(item)))


def _facts(carrier, call):
    """The names of the facts that a call gives; None where the source doesn't say."""
    if carrier in ERRORS:
        names = [item.arg for item in call.keywords]
        return None if None in names else set(names)
    if carrier in ("Absent", "Verdict"):
        return set()
    if carrier in ("Difference", "_differing"):
        return {"field", "a", "b"}
    if carrier in ("speaking", "_note"):  # what the system said
        return {"problem"}
    given = [item.value for item in call.keywords if item.arg == "facts"] + call.args[CARRIERS[carrier] + 1 :]
    given = [item for item in given if not isinstance(item, ast.Constant)]
    if not given:
        return OF_EVERY_RUN if carrier == "Caveat" else set()
    if not isinstance(given[0], ast.Dict) or None in given[0].keys:
        return None
    return {_text(key) for key in given[0].keys} | (OF_EVERY_RUN if carrier == "Caveat" else set())


def _placeholders(code):
    return _names(messages.ALL[code])


def _names(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_scan_sees_the_codes():
    calls = list(_calls())
    assert len(calls) > 60
    assert {carrier for _, carrier, _, _ in calls} >= {
        "InputError",
        "MeasurementError",
        "StoreError",
        "Note",
        "Caveat",
    }
    assert {"nvml_no_gpu", "rapl_no_permission", "run_failed"} <= {code for _, code in _reasons()}


def test_every_code_has_a_sentence():
    spoken = {code: place for place, _, code, _ in _calls()} | {code: place for place, code in _reasons()}
    tables = (
        nvml._REASONS.values(),
        nvml.THROTTLE_REASONS.values(),
        engine._ASKED_FOR,
        parity.REASONS.values(),
    )
    spoken |= {code: "a table" for table in tables for code in table}
    assert {code: place for code, place in spoken.items() if code not in messages.ALL} == {}


def test_a_command_knows_what_only_the_measuring_process_can_refuse():
    """Its exit code is then that of bad input; torch's room isn't imported to see."""
    refused = {
        code for place, carrier, code, _ in _calls() if carrier == "InputError" and "core/measure" in place
    }
    assert {"unknown_device", "too_few_gpus"} <= refused <= engine._ASKED_FOR


def test_every_sentence_has_a_code_that_is_spoken():
    sources = [*TREES.values(), *(ast.parse(path.read_text()) for path in SCREEN if path.exists())]
    said = {node.value for tree in sources for node in ast.walk(tree) if _text(node)}
    assert sorted(set(messages.ALL) - said) == []


# Codes of core.hardware.doctor.child's notes, which a finding takes over with their facts
_NO_TORCH = {"torch_missing", "torch_broken", "torch_hangs", "torch_died"}


def _findings():
    """Each finding of the doctor: place, code, whether it has a remedy, its facts where the source says."""
    for place, carrier, code, call in _calls():
        if carrier == "Finding":
            remedy = len(call.args) > 3 or any(item.arg == "remedy" for item in call.keywords)
            yield place, code, remedy, _facts(carrier, call)


def test_every_finding_says_what_it_means_and_how_to_mend_it():
    codes = {code for _, code, _, _ in _findings()} | _NO_TORCH
    with_remedy = {code for _, code, remedy, _ in _findings() if remedy} | _NO_TORCH
    assert len(codes) > 50
    assert set(findings.MEANS) == codes
    assert set(mending.MEND) == with_remedy


@pytest.mark.parametrize("texts", [findings.MEANS, mending.MEND], ids=["means", "mend"])
def test_the_facts_that_a_finding_quotes_are_given(texts):
    lacking = [
        (place, code, sorted(quoted))
        for place, code, _, facts in _findings()
        if facts is not None and code in texts and (quoted := _names(texts[code]) - facts)
    ]
    assert lacking == []
    assert all(text[0].isupper() or text[0] == "{" for text in texts.values())
    assert all(text[-1] == "." and "\n" not in text for text in texts.values())


def test_no_code_is_in_two_tables():
    assert len(messages.ALL) == sum(map(len, messages.TABLES))


def test_the_facts_that_a_sentence_quotes_are_given_wherever_its_code_is_spoken():
    lacking = [
        (place, code, sorted(_placeholders(code) - facts))
        for place, carrier, code, call in _calls()
        if code in messages.ALL and (facts := _facts(carrier, call)) is not None and _placeholders(code) - facts
    ]
    assert lacking == []


@pytest.mark.parametrize(
    "codes",
    [
        messages.ABSENT,  # shown beside a reading, from its code alone
        set(nvml.THROTTLE_REASONS.values()),
        {"run_failed", "too_few_blocks", *parity.REASONS.values()},  # why a speed-up is withheld
    ],
    ids=["absent", "throttled", "withheld"],
)
def test_codes_that_travel_without_facts_have_sentences_without_placeholders(codes):
    assert {code: _placeholders(code) for code in codes if _placeholders(code)} == {}


@pytest.mark.parametrize("code", messages.ALL)
def test_a_sentence_is_a_sentence(code):
    text = messages.ALL[code]
    assert text == text.strip()
    assert "\n" not in text
    assert text[0].isupper() or text[0] == "{"
    assert text[-1] in ".:}" or text.endswith(("energy_uj", "cpu,threads=2"))


def test_a_code_is_filled_with_its_facts_after_it_was_translated():
    asked = []

    def translate(text):
        asked.append(text)
        return "{fits} 也可以"

    facts = {"device": "cuda:0", "batch_size": 64, "fits": 32}
    assert messages.sentence("out_of_memory_fits", facts, translate) == "32 也可以"
    assert asked == [messages.ERRORS["out_of_memory_fits"]]
    assert "a batch of 32 fits" in messages.sentence("out_of_memory_fits", facts)


def test_a_code_without_a_sentence_is_an_error():
    with pytest.raises(KeyError):
        messages.sentence("no_such_code")
