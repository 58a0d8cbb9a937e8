"""Every code that worker, records, store and analysis can speak, with its sentence.

A sentence says what happened, what it means and what to do next. `{names}` are filled from the
code's facts. A code without a sentence is a bug, and `tests/unit/test_messages.py` looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import Translate, english
from core.messages.caveats import CAVEATS, DIFFERENCES
from core.messages.crossover import CROSSOVER
from core.messages.decide import DECIDE
from core.messages.doctor import CHECKUP
from core.messages.elsewhere import ELSEWHERE
from core.messages.errors import ERRORS
from core.messages.fields import in_words
from core.messages.findings import FOUND
from core.messages.monitor import MONITOR
from core.messages.notes import ABSENT, NOTES

TABLES = (ERRORS, NOTES, ABSENT, CAVEATS, DIFFERENCES, CROSSOVER, DECIDE, FOUND, CHECKUP, MONITOR, ELSEWHERE)
ALL = {code: text for table in TABLES for code, text in table.items()}


def sentence(code: str, facts: Mapping[str, object] | None = None, translate: Translate = english) -> str:
    """The sentence for a code, filled with its facts. Raises KeyError for a code that has none."""
    return translate(ALL[code]).format(**in_words(code, dict(facts or {}), translate))
