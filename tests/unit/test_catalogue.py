"""Every text that a reader sees is in the catalogues, translated, compiled and whole; none goes past them."""

import ast
import functools
import re
import string

import pytest
from babel.messages.pofile import read_po

from core import i18n, messages
from core.figures import theme
from scripts import catalogue

PAGES = [catalogue.ROOT / "dashboard.py", *sorted((catalogue.ROOT / "pages").rglob("*.py"))]
FIGURES = sorted((catalogue.ROOT / "core" / "figures").glob("*.py"))
SOURCES = [*PAGES, *sorted((catalogue.ROOT / "core").rglob("*.py"))]

MARKS = {"_", "N_", "translate"}
# What draws a text, whoever it is called on: st, a column, a container
SPEAKERS = {
    *(
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "text",
        "write",
        "metric",
        "progress",
        "plotly_chart",
    ),
    *("info", "warning", "error", "success", "status", "toast", "spinner", "expander", "popover", "tabs"),
    *("button", "download_button", "link_button", "page_link", "file_uploader", "checkbox", "toggle", "radio"),
    *("selectbox", "multiselect", "select_slider", "slider", "pills", "segmented_control"),
    *("number_input", "text_input", "text_area"),
}
SPOKEN = {
    "label",
    "body",
    "help",
    "placeholder",
    "title",
    "alt",
    "text",
    "name",
    "hovertext",
}  # arguments, keys
NAMES = {"CPU", "GPU", "CUDA", "UTC", "torch", "Crossover"}
NOT_WORDS = re.compile(r"%\{[^}]*\}|<[^>]+>|:\w+/\w+:|:\w+\[|\]\([^)]*\)|`[^`]*`")
PROSE = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")

CHINESE = "[\u4e00-\u9fff]"
HALF_WIDTH = re.compile(rf"{CHINESE}[,;:!?()]|[,;!?()]{CHINESE}")
UNSPACED = re.compile(rf"{CHINESE}[A-Za-z0-9{{]|[A-Za-z0-9}}]{CHINESE}")
# Marks, options and variables, commands: what a reader types or sees as it is
VERBATIM = re.compile(r"\*\*|`[^`]*`|\]\(\S*|nvidia-smi(?: -\w+)?|[\w:,=*/.-]*[_=][\w:,=*/.-]*\w", re.ASCII)


@pytest.fixture(scope="module", autouse=True)
def _collected_once():
    """Going through all sources takes more than a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "extracted", functools.cache(catalogue.extracted))
        yield


@functools.cache
def _parsed(path):
    return ast.parse(path.read_text("utf-8"))


def _ids(found):
    return {message.id for message in found if message.id}


def _translations():
    """Each text with its translation, where there is one."""
    for language in catalogue.LANGUAGES:
        found = catalogue.translated(language)
        yield from ((message.id, message.string) for message in found if message.id and message.string)


def _fields(text):
    return {(name, spec, how) for _, name, spec, how in string.Formatter().parse(text) if name is not None}


def _verbatim(text):
    return sorted(VERBATIM.findall(re.sub(r"\{[^}]*\}", "{}", text)))


def _is_mark(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS


def test_the_template_holds_exactly_the_texts_of_the_sources():
    with catalogue.TEMPLATE.open("rb") as file:
        assert _ids(catalogue.extracted()) == _ids(read_po(file)), "run: make catalogue"


def test_pages_figures_and_tables_are_all_looked_through():
    ids = _ids(catalogue.extracted())
    assert {"Run", "Batch size", "Training loss", "{n} epochs", "{number} images/s"} <= ids
    assert set(messages.ALL.values()) <= ids
    assert set(theme.STAGE_NAMES.values()) <= ids


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_text_has_a_translation_that_is_meant(language):
    found = [message for message in catalogue.translated(language) if message.id]
    assert {message.id for message in found} == _ids(catalogue.extracted()), "run: make catalogue"
    assert [message.id for message in found if not message.string.strip()] == []
    assert [message.id for message in found if message.fuzzy] == []


def test_a_translation_keeps_what_is_filled_in_and_what_is_typed():
    pairs = list(_translations())
    assert [pair for pair in pairs if _fields(pair[0]) != _fields(pair[1])] == []
    assert [pair for pair in pairs if _verbatim(pair[0]) != _verbatim(pair[1])] == []


def test_a_translation_is_chinese_and_set_as_chinese_is():
    pairs = list(_translations())
    assert [text for text, chinese in pairs if PROSE.search(text) and not re.search(CHINESE, chinese)] == []
    assert [chinese for _, chinese in pairs if HALF_WIDTH.search(chinese) or UNSPACED.search(chinese)] == []
    bold = [part for _, chinese in pairs for part in chinese.split("**")[1::2]]
    # Markdown leaves the asterisks where punctuation touches them from inside and a letter from outside.
    assert [part for part in bold if {part[0], part[-1]} & set("，。：；！？（）")] == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_what_is_read_at_run_time_is_what_was_translated(language):
    stored = catalogue.po_path(language).with_suffix(".mo").read_bytes()
    assert stored == catalogue.compiled(language), "run: make catalogue"


def test_a_reader_gets_their_language():
    chinese = i18n.translator("zh_CN")
    assert (chinese("Run"), chinese("Batch size")) == ("运行", "批大小")
    assert chinese("{number} images/s").format(number="54,300") == "54,300 张图像/秒"
    assert i18n.translator("en")("Run") == "Run"
    assert (
        messages.sentence("not_positive", {"name": "epochs", "value": 0}, chinese)
        == "epochs 必须大于 0，不能是 0。"
    )


def test_an_update_keeps_the_translations_and_nothing_that_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)
    monkeypatch.setattr(catalogue, "TEMPLATE", tmp_path / "crossover.pot")
    catalogue.update()
    po = catalogue.po_path("zh_CN")
    empty = po.read_text("utf-8")
    assert empty.count('msgid "Run"\nmsgstr ""\n') == 1
    mine = empty.replace('msgid "Run"\nmsgstr ""\n', 'msgid "Run"\nmsgstr "运行"\n')
    mine = mine.replace('msgid "Cancel"\nmsgstr ""\n', '#, fuzzy\nmsgid "Cancel"\nmsgstr "取消"\n')
    po.write_text(mine + '\nmsgid "A text of last year"\nmsgstr "去年的文字"\n', "utf-8")
    catalogue.update()
    assert po.read_text("utf-8") == mine
    assert "-Date: " not in mine
    assert re.findall(r"^#: .*(?:\.py:\d|\.\.|: /).*", mine, re.MULTILINE) == []  # no lines, no one's folders


# --- nothing goes past the catalogues ------------------------------------------------------------


def _constant(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _literals(node):
    """The literal texts that an expression is made of, without what is translated or looked up."""
    if _constant(node) is not None:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(_constant(part) or "{}" for part in node.values)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _literals(part.value)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):  # "...".format(), ", ".join()
            yield from _literals(node.func.value)
    elif isinstance(node, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.List, ast.Tuple, ast.ListComp)):
        test = node.test if isinstance(node, ast.IfExp) else None
        for child in ast.iter_child_nodes(node):
            if child is not test:
                yield from _literals(child)


def _spoken(tree):
    """The expressions that end as text on a screen."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (v for k, v in zip(node.keys, node.values, strict=True) if _constant(k) in SPOKEN)
        if not isinstance(node, ast.Call) or _is_mark(node):
            continue
        yield from (keyword.value for keyword in node.keywords if keyword.arg in SPOKEN)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if called in SPEAKERS:
            yield from (item for item in node.args if not isinstance(item, (ast.Tuple, ast.List)))
        if called == "figure":  # core.figures.drawing: traces, then the titles of the axes
            yield from node.args[1:3]


def _silent(tree):
    """What is no text for readers of the screen, or translated: docstrings and the arguments of marks."""
    bodies = (node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list))
    docstrings = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    return docstrings | {id(part) for call in ast.walk(tree) if _is_mark(call) for part in ast.walk(call)}


def untranslated(source):
    """Words that reach a screen as they stand in the source, and whatever else reads like a sentence."""
    tree = ast.parse(source)
    texts = [text for node in _spoken(tree) for text in _literals(node)]
    words = [text for text in texts if set(re.findall(r"[A-Za-z]{2,}", NOT_WORDS.sub(" ", text))) - NAMES]
    silent = _silent(tree)
    literals = {text for node in ast.walk(tree) if id(node) not in silent and (text := _constant(node))}
    return sorted({*words, *filter(PROSE.search, literals)})


@pytest.mark.parametrize(
    "source",
    [
        'st.title("Results")',
        'st.caption(f"took {seconds} s")',
        'column.metric(label="Speed", value=x)',
        'st.error("Failed: " + text, icon=":material/error:")',
        'st.button("Run" if idle == "yes" else _("Stop"))',
        'st.slider("{n} threads".format(n=n), 1, 8)',
        'help_text = "How often the training goes through all images."',
        'st.Page("pages/compare.py", title="Compare")',
        'drawing.figure(traces, "Epoch", translate("Loss"))',
        'layout = {"title": {"text": "Loss"}}',
        'go.Bar(name="Host", x=values)',
    ],
)
def test_a_text_that_is_not_translated_is_found(source):
    assert len(untranslated(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'st.title(_("Results"))',
        'st.markdown(f"**{name}**: [{label}](?job={job.id}) — :material/info: `--json`")',
        'st.metric(name, f"{temperature:.0f} °C")',
        'st.button(_("Run"), type="primary", icon=":material/play_arrow:", key="run")',
        'st.Page("pages/compare.py", title=_("Compare"), icon=":material/compare_arrows:")',
        'st.caption(" · ".join(facts))',
        'go.Bar(hovertext=[f"{label}<br>{value}"], hovertemplate="%{y:.3~g}", name=translate(NAMES["host"]))',
        'def page():\n    """Draw what was measured."""',
    ],
)
def test_symbols_keys_names_and_translated_texts_pass(source):
    assert untranslated(source) == []


@pytest.mark.parametrize(
    "path", [*PAGES, *FIGURES], ids=lambda path: path.relative_to(catalogue.ROOT).as_posix()
)
def test_every_text_of_pages_and_figures_is_translated(path):
    assert untranslated(path.read_text("utf-8")) == []


def test_only_literals_and_tables_are_handed_to_the_translation():
    """The texts are read off the source: one that is put together first would be in no catalogue."""
    arguments = {
        ast.unparse(node.args[0]): path.relative_to(catalogue.ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(_parsed(path))
        if _is_mark(node) and _constant(node.args[0]) is None
    }
    assert {"ALL[code]", "theme.STAGE_NAMES[stage]"} <= set(arguments)
    assert [item for item in arguments.items() if not item[0].endswith("]")] == []


def test_every_marked_text_is_in_the_template():
    """The collector of texts doesn't look into f-strings: a text marked there would stay English."""
    marked = {
        _constant(node.args[0])
        for path in SOURCES
        for node in ast.walk(_parsed(path))
        if _is_mark(node) and node.args
    }
    assert marked - {None} - _ids(catalogue.extracted()) == set()
