"""The translation catalogues: `update` collects the texts of the sources, `compile` makes them readable."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "core" / "locale"
TEMPLATE = LOCALE / "crossover.pot"
LANGUAGES = ("zh_CN",)  # English texts are the message ids

_Text = str | list[str] | tuple[str, ...]  # as Babel has it, with plural forms
_MARKS = {"_": None, "N_": None, "translate": None}
_COMMENT = "# Written by `make catalogue`, which keeps the translations and nothing else."


class _Steady(Catalog):
    """A catalogue whose header holds no dates or versions: it changes only when a text does."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        language = [("Language", str(self.locale_identifier))] if self.locale_identifier else []
        kind = [("MIME-Version", "1.0"), ("Content-Type", f"text/plain; charset={self.charset}")]
        return [*language, *kind, ("Content-Transfer-Encoding", "8bit\n")]


def po_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "crossover.po"


def extracted() -> Catalog:
    """Every marked text of the present sources, untranslated."""
    found = _Steady(header_comment=_COMMENT, fuzzy=False)
    for path in _sources():
        for _line, text, _comments, _context in extract_from_file("python", path, keywords=_MARKS):
            # Without line numbers, so that moving a function changes no catalogue.
            _add(found, text, "", [(path.relative_to(ROOT).as_posix(), 0)])
    return found


def translated(language: str) -> Catalog:
    """The catalogue of a language as it is in its file."""
    with po_path(language).open("rb") as file:
        stored = read_po(file, locale=language)
    found = _Steady(language, header_comment=_COMMENT, fuzzy=False)
    for message in list(stored)[1:]:
        _add(found, message.id, message.string, message.locations).flags |= message.flags & {"fuzzy"}
    return found


def update() -> None:
    """Bring the template and the languages in step with the sources; texts that are gone leave no trace."""
    template = extracted()
    _write(TEMPLATE, template)
    for language in LANGUAGES:
        known = translated(language) if po_path(language).exists() else _Steady(language)
        fresh = _Steady(language, header_comment=_COMMENT, fuzzy=False)
        for message in list(template)[1:]:
            old = known.get(message.id) or Message(message.id)
            _add(fresh, message.id, old.string, message.locations).flags |= old.flags & {"fuzzy"}
        _write(po_path(language), fresh)
        missing = sum(not message.string for message in list(fresh)[1:])
        print(f"{language}: {len(fresh)} texts, {missing} without translation")


def compiled(language: str) -> bytes:
    """The .mo file of a language, as its .po file has it."""
    content = io.BytesIO()
    write_mo(content, translated(language))
    return content.getvalue()


def compile_all() -> None:
    for language in LANGUAGES:
        po_path(language).with_suffix(".mo").write_bytes(compiled(language))


def _sources() -> Iterator[Path]:
    yield ROOT / "dashboard.py"
    for folder in ("core", "pages"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def _add(
    catalogue: Catalog, text: _Text, translation: _Text | None, locations: list[tuple[str, int]]
) -> Message:
    message = catalogue.add(text, translation, locations)
    message.flags.discard("python-format")  # fields are in braces; a "95 % interval" is no format
    return message


def _write(path: Path, catalogue: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=112, sort_output=True, include_lineno=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    actions = {"update": update, "compile": compile_all}
    parser.add_argument("action", nargs="+", choices=actions)
    for action in parser.parse_args().action:
        actions[action]()
