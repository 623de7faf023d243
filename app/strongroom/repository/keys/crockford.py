"""Text that people copy from paper: Crockford's alphabet in groups of four, each with a check character.

The check is a sum over GF(32): any one wrong character, any two neighbours swapped and any two groups swapped are found, and the group is named.
"""

from __future__ import annotations

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUP_CHARACTERS: Final = 4
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_POLYNOMIAL: Final = 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


def encode_groups(data: bytes) -> list[str]:
    """``data`` as groups of four characters and a check, padded with zero bits at the end."""
    bits = len(data) * 8
    characters = -(-bits // 5)
    characters += -characters % GROUP_CHARACTERS
    number = int.from_bytes(data) << (characters * 5 - bits)
    digits = [(number >> (5 * (characters - 1 - at))) & 31 for at in range(characters)]
    return [_group(index, digits[at : at + GROUP_CHARACTERS]) for index, at in enumerate(range(0, characters, GROUP_CHARACTERS))]


def decode_groups(groups: list[str], length_bytes: int) -> bytes:
    """The ``length_bytes`` bytes that ``encode_groups`` was given; ``ValueError`` names the first wrong group, from 1."""
    digits: list[int] = []
    for index, text in enumerate(groups):
        values = [_VALUES.get(character, -1) for character in text.upper()]
        if len(values) != GROUP_CHARACTERS + 1 or -1 in values or values[-1] != _check(index, values[:-1]):
            raise ValueError(f"group {index + 1} ({text}) is mistyped")
        digits += values[:-1]
    spare_bits = len(digits) * 5 - length_bytes * 8
    if not 0 <= spare_bits < 5 * GROUP_CHARACTERS:
        raise ValueError(f"{len(groups)} groups were given, which is not the right number")
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return (number >> spare_bits).to_bytes(length_bytes)


def _group(index: int, digits: list[int]) -> str:
    return "".join(ALPHABET[digit] for digit in [*digits, _check(index, digits)])


def _check(index: int, digits: list[int]) -> int:
    check = index & 31
    for digit in digits:
        check = _double(check) ^ digit
    return _double(check)


def _double(value: int) -> int:
    value <<= 1
    return value ^ _POLYNOMIAL if value & 32 else value
