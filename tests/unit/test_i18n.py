"""The reader's language: chosen from what the browser or the shell says, English where nothing is known."""

import pytest

from core import i18n


@pytest.mark.parametrize(
    ("preferred", "language"),
    [
        ("zh-CN", "zh_CN"),
        ("zh-Hans-CN", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("ZH", "zh_CN"),
        ("zh_TW", "zh_CN"),  # nearer than English
        ("en-US", "en"),
        ("de_DE", "en"),
        ("C.UTF-8", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_nearest_language_is_chosen(preferred, language):
    assert i18n.choose(preferred) == language
    assert language in i18n.LANGUAGES


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN", "LANG": "en_GB.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "zh_CN:en", "LC_ALL": "en_GB.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "", "LANG": "zh_CN.UTF-8"}, "zh_CN"),
    ],
)
def test_the_shell_says_it_in_gettexts_order(monkeypatch, variables, language):
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert i18n.from_environment() == language


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_text_without_translation_stays_english(language):
    translate = i18n.translator(language)
    assert translate("A text that no catalogue has.") == "A text that no catalogue has."
    assert i18n.translator(language) is translate  # a catalogue is read once


def test_english_is_the_message_itself():
    for say in (i18n.translator("en"), i18n.english, i18n.N_):
        assert say("cancelled") == "cancelled"
