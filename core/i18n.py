"""Which language a reader gets, and its gettext catalogue. One lookup for pages, figures and command line."""

from __future__ import annotations

import functools
import gettext
import os
from collections.abc import Callable
from pathlib import Path

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
Translate = Callable[[str], str]

_CATALOGUES = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark a text for extraction where it can't be translated yet (tables, constants)."""
    return text


def english(text: str) -> str:
    """The identity translation: message ids are the English texts."""
    return text


def choose(preferred: str | None) -> str:
    """The supported language nearest to a locale name such as `zh-Hans-CN`, `zh_CN.UTF-8` or `en-US`."""
    return "zh_CN" if (preferred or "").lower().startswith("zh") else "en"


def from_environment() -> str:
    """The command line's language, by the same variables as gettext's own."""
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    return choose(next((os.environ[name] for name in names if os.environ.get(name)), None))


@functools.cache
def translator(language: str) -> Translate:
    """The translation function for a language of LANGUAGES; English texts where a catalogue has none."""
    return gettext.translation("crossover", _CATALOGUES, languages=[language], fallback=True).gettext
