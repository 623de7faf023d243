"""Names from outside cannot disturb the terminal or pose as other names (feature C5)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain.text import safe_text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("web01", "web01"),
        ("Größe 東京 é", "Größe 東京 é"),
        ("a\nb", "a\\nb"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("we\u200bb", "we\\u200bb"),
        ("\udcff.img", "\\udcff.img"),
        ("line\u2028two", "line\\u2028two"),
        ("\x9b31m", "\\x9b31m"),
        ("\U000e0041", "\\U000e0041"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(name: str, shown: str) -> None:
    """C5: control characters, bidirectional controls and undecodable bytes."""
    assert safe_text(name) == shown


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_becomes_one_encodable_line(name: str) -> None:
    """C5: nothing that comes from outside can break a screen or an output stream."""
    shown = safe_text(name)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in shown)


@given(st.text(max_size=60), st.integers(min_value=0, max_value=40))
def test_a_limit_is_never_exceeded(name: str, limit: int) -> None:
    """C5: a long name takes no more room than it is given, and says that it was cut."""
    whole, cut = safe_text(name), safe_text(name, limit)
    assert len(cut) <= limit
    assert cut == whole or limit == 0 or cut.endswith("…")
