"""Text that isn't ours stays text where Markdown is read."""

from __future__ import annotations

import re

import pytest

from pages._shared.markdown import breakable, plain


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("AMD EPYC 9454, 2.5 GHz (cuda:0)", "AMD EPYC 9454, 2.5 GHz (cuda:0)"),
        ("**b** <i> [l](x) `c` $x$ ~s~ a|b a_b \\", r"\*\*b\*\* \<i\> \[l\](x) \`c\` \$x\$ \~s\~ a\|b a\_b \\"),
        (":red[a] :smile: &amp;", r"\:red\[a\] \:smile: \&amp;"),
        ("ray://HOST:10001", r"ray://HOST:10001"),
        ("last words:\n\n# big\r\n- one\n    two", "last words: # big - one two"),
    ],
)
def test_marks_are_escaped(text, written):
    assert plain(text) == written


@pytest.mark.parametrize("text", [":material/check:", "http://a.b", "HTTPS://a.b", "www.a.b"])
def test_what_streamlit_looks_for_in_finished_text_is_broken_invisibly(text):
    shown = re.sub(r"\\(.)", r"\1", plain(text))
    assert text not in shown
    assert shown.replace("\N{WORD JOINER}", "") == text


def test_long_words_can_be_broken():
    assert breakable("short words only") == "short words only"
    broken = breakable("L" * 60)
    assert max(map(len, broken.split("\N{ZERO WIDTH SPACE}"))) == 24
    assert broken.replace("\N{ZERO WIDTH SPACE}", "") == "L" * 60
