"""The key ceremony (feature B2)."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from strongroom.domain.errors import InvalidInput
from strongroom.repository.errors import KeyMissing, KeyWrong, ObjectDamaged, RepositoryExists
from strongroom.repository.keys.crockford import ALPHABET, decode_groups, encode_groups
from strongroom.repository.keys.keyring import (
    ArgonCost,
    Sheet,
    add_passphrase,
    add_recovery_key,
    create_repository,
    list_slots,
    read_key_file,
    recovery_sheet,
    remove_slot,
    unlock_with_passphrase,
    unlock_with_recovery,
    write_key_file,
)
from strongroom.repository.keys.recovery import recovery_secret, recovery_text
from strongroom.repository.keys.slot import KeySlot
from strongroom.repository.repository import Repository
from strongroom.testing.stores import MemoryStore

CHEAP = ArgonCost(memory_kib=64, iterations=1, lanes=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_every_slot_opens_the_same_key(store: MemoryStore) -> None:
    """B2: passphrases and recovery keys, from the start and added later."""
    created = create_repository(store, passphrase="first", cost=CHEAP)
    add_passphrase(store, created.key, "second", "laptop", cost=CHEAP)
    slot, recovery = add_recovery_key(store, created.key, "safe")
    assert {slot.kind for slot in list_slots(store)} == {"passphrase", "recovery"}
    assert unlock_with_passphrase(store, "first") == unlock_with_passphrase(store, "second") == created.key
    assert unlock_with_recovery(store, created.recovery_key) == unlock_with_recovery(store, recovery) == created.key
    assert slot.label == "safe"


def test_a_wrong_passphrase_or_recovery_key_is_refused(store: MemoryStore) -> None:
    """B2, A19."""
    created = create_repository(store, passphrase="right", cost=CHEAP)
    with pytest.raises(KeyWrong):
        unlock_with_passphrase(store, "wrong")
    with pytest.raises(KeyWrong):
        unlock_with_recovery(store, recovery_text(bytes(32)))
    with pytest.raises(InvalidInput):
        unlock_with_passphrase(store, "")
    assert unlock_with_recovery(store, created.recovery_key.lower().replace("-", " ")) == created.key


def test_a_passphrase_is_one_however_its_letters_are_composed(store: MemoryStore) -> None:
    """B2: keyboards differ."""
    create_repository(store, passphrase="Übergrößenträger", cost=CHEAP)
    assert unlock_with_passphrase(store, "U\u0308bergr\u006f\u0308ßentra\u0308ger")


def test_the_last_slot_cannot_be_removed(store: MemoryStore) -> None:
    """B2: a repository nobody can open is lost."""
    created = create_repository(store, passphrase="p", cost=CHEAP)
    remove_slot(store, created.recovery_slot.id)
    with pytest.raises(KeyWrong):
        unlock_with_recovery(store, created.recovery_key)
    (last,) = list_slots(store)
    with pytest.raises(InvalidInput):
        remove_slot(store, last.id)
    with pytest.raises(KeyMissing):
        remove_slot(store, "nothing")
    assert unlock_with_passphrase(store, "p") == created.key


def test_a_place_that_holds_a_repository_is_not_overwritten(store: MemoryStore) -> None:
    """A1: nor are the remains of one."""
    create_repository(store)
    with pytest.raises(RepositoryExists):
        create_repository(store)
    store.delete("sr1.json")
    store.put_new("packs/00/" + "0" * 64, b"x")
    with pytest.raises(RepositoryExists):
        create_repository(store)


@pytest.mark.parametrize("field", ["id", "label", "created_at", "salt", "wrapped", "epoch"])
def test_an_altered_slot_does_not_open(field: str, store: MemoryStore) -> None:
    """Invariant 13: a slot's every field is bound to the key and to the repository."""
    created = create_repository(store)
    key = created.recovery_slot.object_key
    fields = json.loads(store.objects[key])
    fields[field] = 2 if field == "epoch" else ("A" if fields[field][:1] != "A" else "B") + fields[field][1:]
    store.objects[key] = json.dumps(fields).encode()
    with pytest.raises(KeyWrong):
        unlock_with_recovery(store, created.recovery_key)


def test_a_slot_of_another_repository_does_not_open(store: MemoryStore) -> None:
    """Invariant 13: the slot is bound to its header."""
    other, created = MemoryStore(), create_repository(store)
    create_repository(other)
    other.put_new(created.recovery_slot.object_key, store.objects[created.recovery_slot.object_key])
    with pytest.raises(KeyWrong):
        unlock_with_recovery(other, created.recovery_key)


@pytest.mark.parametrize("name", ["memory_kib", "iterations", "lanes"])
def test_a_forged_slot_cannot_exhaust_the_host(name: str, store: MemoryStore) -> None:
    """B2: Argon2id parameters are capped on read."""
    create_repository(store, passphrase="p", cost=CHEAP)
    key = next(slot.object_key for slot in list_slots(store) if slot.kind == "passphrase")
    fields = json.loads(store.objects[key])
    fields["argon2id"][name] = 1 << 24
    with pytest.raises(ObjectDamaged, match="beyond what a reader may pay"):
        KeySlot.decode(key, json.dumps(fields).encode())
    store.objects[key] = json.dumps(fields).encode()
    with pytest.raises(KeyWrong):
        unlock_with_passphrase(store, "p")


def test_the_master_key_never_shows(store: MemoryStore) -> None:
    """B2: neither key nor recovery key in any representation."""
    created = create_repository(store)
    shown = repr(created) + repr(created.key) + str(created.key)
    assert created.key.secret.hex() not in shown
    assert repr(created.key.secret) not in shown
    assert created.recovery_key not in shown


def test_a_sheet_opens_a_repository_that_lost_its_keys(store: MemoryStore) -> None:
    """B2: the sheet holds the whole slot and the header; the recovery key on it opens them."""
    created = create_repository(store)
    text = recovery_sheet(store, created.recovery_slot.id, created.recovery_key)
    header = store.objects["sr1.json"]
    for key in [key for key in store.objects if key.startswith("keys/")] + ["sr1.json"]:
        store.delete(key)
    sheet = Sheet.parse(
        text.replace("\n", "\r\n")
        .lower()
        .replace("recovery key", "RECOVERY KEY")
        .replace("slot and", "SLOT AND")
        .replace("header\r", "HEADER\r")
        .replace("\r\nend", "\r\nEND")
    )
    assert sheet.repository_id == created.repository_id
    assert sheet.header_bytes == header
    key = unlock_with_recovery(sheet, sheet.recovery_key)
    store.put_new("sr1.json", sheet.header_bytes)
    assert Repository.open(store, key).id == created.repository_id
    assert max(map(len, text.splitlines())) <= 72


def test_a_mistyped_line_of_a_sheet_is_named(store: MemoryStore) -> None:
    """B2: people type it back."""
    created = create_repository(store)
    lines = recovery_sheet(store, created.recovery_slot.id, created.recovery_key).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("    3  "))
    lines[at] = lines[at][:-1] + ("0" if lines[at][-1] != "0" else "1")
    with pytest.raises(InvalidInput, match="line 3, group 8"):
        Sheet.parse("\n".join(lines))


def test_a_sheet_is_only_printed_for_its_own_key(store: MemoryStore) -> None:
    """B2: a sheet that would not open anything is worse than none."""
    created = create_repository(store)
    with pytest.raises(KeyWrong):
        recovery_sheet(store, created.recovery_slot.id, recovery_text(bytes(32)))


def test_any_one_typing_error_is_found_and_its_group_named() -> None:
    """B2: a wrong character, two neighbours swapped, two groups swapped."""
    text = recovery_text(random.Random(1).randbytes(32))
    for at, character in enumerate(text):
        if character == "-":
            continue
        for wrong in ALPHABET.replace(character, ""):
            with pytest.raises(KeyWrong, match=f"group {at // 6 + 1} "):
                recovery_secret(text[:at] + wrong + text[at + 1 :])
        if at % 6 < 4 and text[at + 1] != character:
            with pytest.raises(KeyWrong):
                recovery_secret(text[:at] + text[at + 1] + character + text[at + 2 :])
    groups = text.split("-")
    for first in range(12):
        swapped = [*groups[:first], groups[first + 1], groups[first], *groups[first + 2 :]]
        with pytest.raises(KeyWrong):
            recovery_secret("-".join(swapped))
    with pytest.raises(KeyWrong, match="not the right number"):
        recovery_secret("-".join(groups[:-1]))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 32, 100])
def test_groups_give_back_their_bytes(length: int) -> None:
    """B2: any length, whatever its bits."""
    data = random.Random(length).randbytes(length)
    assert decode_groups(encode_groups(data), length) == data


def test_a_key_file_is_its_owners_alone(tmp_path: Path, store: MemoryStore) -> None:
    """B2: mode 0600, and a wider one is refused with the command that mends it."""
    created, path = create_repository(store), tmp_path / "key"
    previous = os.umask(0)
    try:
        write_key_file(path, created.key, created.repository_id)
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key_file(path) == created.key
    path.chmod(0o640)
    with pytest.raises(KeyWrong, match="chmod 600"):
        read_key_file(path)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(KeyWrong):
        read_key_file(path)
    with pytest.raises(KeyMissing):
        read_key_file(tmp_path / "none")


def test_a_key_opens_only_its_own_repository(store: MemoryStore) -> None:
    """Invariant 13: a key file of another vault is told apart before anything is read."""
    other = create_repository(MemoryStore())
    create_repository(store)
    with pytest.raises(KeyWrong):
        Repository.open(store, other.key)
