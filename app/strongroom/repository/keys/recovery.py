"""The recovery key as text, and the printable sheet that survives the loss of ``keys/`` and ``sr1.json``."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from strongroom.domain.errors import InvalidInput
from strongroom.repository.errors import KeyWrong
from strongroom.repository.header import Header
from strongroom.repository.keys.crockford import decode_groups, encode_groups
from strongroom.repository.keys.slot import KeySlot

RECOVERY_BYTES: Final = 32
_GROUPS_A_LINE: Final = 8
_CHECKSUM_BYTES: Final = 8
_INTRODUCTION: Final = (
    "This sheet opens the repository named below, even if its key folder and its header are lost. "
    "Keep it where the backups are not. Whoever holds it and the repository's files reads every backup."
)


def recovery_text(secret: bytes) -> str:
    """The 256 bits as thirteen groups of four characters and a check each."""
    return "-".join(encode_groups(secret))


def recovery_secret(text: str) -> bytes:
    """The 256 bits that ``text`` spells; ``KeyWrong`` names the mistyped group. Case, spaces and line ends do not matter."""
    groups = text.replace("-", " ").split()
    try:
        return decode_groups(groups, RECOVERY_BYTES)
    except ValueError as error:
        raise KeyWrong("The recovery key is not complete", cause=str(error), action="Type it again as the sheet shows it.") from None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a printed sheet holds: the bytes of ``sr1.json`` and of one whole slot, and the recovery key if it was left on."""

    header_bytes: bytes
    slot: KeySlot
    recovery_key: str

    @property
    def repository_id(self) -> str:
        return Header.decode(self.header_bytes).repository_id

    def render(self) -> str:
        """The sheet as plain text of at most 72 columns."""
        body = json.dumps([self.header_bytes.decode(), self.slot.encode().decode()], separators=(",", ":")).encode()
        groups = encode_groups(len(body).to_bytes(2) + body + blake3(body).digest(_CHECKSUM_BYTES))
        lines = [" ".join(groups[at : at + _GROUPS_A_LINE]) for at in range(0, len(groups), _GROUPS_A_LINE)]
        key_groups = self.recovery_key.split("-")
        return "\n".join(
            [
                "STRONGROOM RECOVERY SHEET",
                "",
                *textwrap.wrap(_INTRODUCTION, 72),
                "",
                f"Repository  {self.repository_id}",
                f"Slot        {self.slot.id}  made {self.slot.created_at}",
                "",
                "RECOVERY KEY",
                *("  " + "-".join(key_groups[at : at + 7]) for at in range(0, len(key_groups), 7)),
                "",
                "SLOT AND HEADER",
                *(f"  {number:3d}  {line}" for number, line in enumerate(lines, 1)),
                "END",
                "",
            ]
        )

    @classmethod
    def parse(cls, text: str) -> Sheet:
        """The sheet typed or scanned back; ``InvalidInput`` says which line is wrong."""
        key_lines, slot_lines = _sections(text)
        groups: list[str] = []
        for line in slot_lines:
            groups += line.split()[1:]
        try:
            header, slot = json.loads(_checked(decode_groups(groups, len(groups) * 4 * 5 // 8)))
        except ValueError as error:
            raise InvalidInput("The recovery sheet cannot be read", cause=_line_of(error)) from None
        return cls(header.encode(), KeySlot.decode("of the sheet", slot.encode()), "-".join("-".join(key_lines).split("-")))


def _checked(whole: bytes) -> bytes:
    length = int.from_bytes(whole[:2])
    body, checksum = whole[2 : 2 + length], whole[2 + length : 2 + length + _CHECKSUM_BYTES]
    if blake3(body).digest(_CHECKSUM_BYTES) != checksum:
        raise ValueError("its checksum does not match")
    return body


def _sections(text: str) -> tuple[list[str], list[str]]:
    lines = [line.strip() for line in text.splitlines()]
    try:
        key_at, slot_at, end_at = lines.index("RECOVERY KEY"), lines.index("SLOT AND HEADER"), lines.index("END")
    except ValueError:
        raise InvalidInput("This is no recovery sheet", cause="its headings are missing") from None
    return [line for line in lines[key_at + 1 : slot_at] if line], [line for line in lines[slot_at + 1 : end_at] if line]


def _line_of(error: ValueError) -> str:
    words = str(error).split()
    if words[:1] == ["group"] and words[1].isdigit():
        at = int(words[1]) - 1
        return f"line {at // _GROUPS_A_LINE + 1}, group {at % _GROUPS_A_LINE + 1} is mistyped"
    return str(error)
