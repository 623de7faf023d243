"""Text from outside, made safe to show: names of machines, files and errors of others may hold anything."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
"""General categories whose characters move the cursor, reorder their neighbours, show nothing or cannot be encoded."""

_ELLIPSIS = "…"


def safe_text(text: str, limit: int | None = None) -> str:
    r"""``text`` as one printable line, to be shown and never parsed: what cannot be seen is shown as an escape (``\n``, ``\u202e``).

    No escape sequence reaches the terminal, no bidirectional control reorders what stands beside the name, and undecodable bytes of
    file names (lone surrogates) can be encoded. ``limit`` is the greatest number of characters of the answer; a longer one ends in an ellipsis.
    """
    shown = text if text.isascii() and text.isprintable() else "".join(map(_shown, text))
    if limit is not None and len(shown) > limit:
        return shown[: max(0, limit - 1)] + _ELLIPSIS if limit > 0 else ""
    return shown


def _shown(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN
    return character.encode("unicode_escape").decode("ascii") if hidden else character
