"""What the doctor finds: what was found, what it means, and in words what to do, by the finding's code.

The findings' codes are core.hardware.doctor's; the commands beside the words are there too.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import Translate, english

FOUND: dict[str, str] = {}
MEANS: dict[str, str] = {}
MEND: dict[str, str] = {}  # what to do; "" where there is nothing to mend


def means(code: str, facts: Mapping[str, object], translate: Translate = english) -> str:
    """What a finding means for whoever wants to train here."""
    return translate(MEANS[code]).format(**facts)


def mend(code: str, facts: Mapping[str, object], translate: Translate = english) -> str:
    """What to do about it, beside the commands; "" where nothing is to be mended."""
    return translate(MEND[code]).format(**facts) if MEND.get(code) else ""
