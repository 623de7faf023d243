"""One sorted run of the index: where chunks lie, in records of 52 bytes that are searched in place."""

from __future__ import annotations

import heapq
import mmap
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import ID_BYTES, SALT_BYTES
from strongroom.repository.packs.trailer import Codec, Entry, EntryKind, Trailer

_RECORD = struct.Struct(f">{ID_BYTES}sIIIII")  # id, pack row, type and ordinal, offset, sealed bytes, plain bytes
RECORD_BYTES: Final = _RECORD.size
_PACK = struct.Struct(f">{ID_BYTES}s{SALT_BYTES}s")
_COUNTS = struct.Struct(">II")


class Location(NamedTuple):
    """Where one copy of a chunk or node lies; the entry has no block hashes (those are in the pack's trailer)."""

    pack_id: str
    salt: bytes
    entry: Entry


class Segment:
    """Sorted records over a table of packs. ``data`` is the encoded whole: in memory, or a map of a file."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.data = data
        try:
            counts: tuple[int, int] = _COUNTS.unpack_from(data)
            pack_count, self._records = counts
            self._start = _COUNTS.size + pack_count * _PACK.size
            packs = list(_PACK.iter_unpack(data[_COUNTS.size : self._start]))
        except struct.error as error:
            raise ObjectDamaged("An index segment is malformed", cause=str(error)) from None
        if len(data) != self._start + self._records * RECORD_BYTES:
            raise ObjectDamaged("An index segment is malformed", cause="its length does not fit its counts")
        self.packs: list[tuple[str, bytes]] = [(pack.hex(), salt) for pack, salt in packs]

    def __len__(self) -> int:
        return self._records

    def find(self, wanted: bytes) -> list[Location]:
        """Every copy of ``wanted`` that this segment knows."""
        data, start, low, high = self.data, self._start, 0, self._records
        while low < high:
            middle = (low + high) // 2
            at = start + middle * RECORD_BYTES
            if data[at : at + ID_BYTES] < wanted:
                low = middle + 1
            else:
                high = middle
        found = []
        at = start + low * RECORD_BYTES
        while data[at : at + ID_BYTES] == wanted:
            found.append(self._location(data[at : at + RECORD_BYTES]))
            at += RECORD_BYTES
        return found

    def ids_in(self, packs: frozenset[str]) -> Iterator[bytes]:
        """The ids that this segment places in any of ``packs``."""
        rows = {row for row, (pack_id, _) in enumerate(self.packs) if pack_id in packs}
        if rows:
            yield from (record[:ID_BYTES] for record in self._raw() if int.from_bytes(record[ID_BYTES : ID_BYTES + 4]) in rows)

    def _raw(self) -> Iterator[bytes]:
        for at in range(self._start, len(self.data), RECORD_BYTES):
            yield self.data[at : at + RECORD_BYTES]

    def renumbered(self, rows: dict[str, int]) -> Iterator[bytes]:
        """The records with the rows of another pack table; those of packs that are not in it are left out."""
        table = [rows[pack_id].to_bytes(4) if pack_id in rows else b"" for pack_id, _ in self.packs]
        for record in self._raw():
            row = table[int.from_bytes(record[ID_BYTES : ID_BYTES + 4])]
            if row:
                yield record[:ID_BYTES] + row + record[ID_BYTES + 4 :]

    def _location(self, record: bytes) -> Location:
        entry_id, row, typed, offset, sealed_bytes, plain_bytes = _RECORD.unpack(record)
        pack_id, salt = self.packs[row]
        kind, codec = EntryKind(typed >> 24 & 15), Codec(typed >> 28)
        return Location(pack_id, salt, Entry(entry_id, kind, codec, typed & 0xFFFFFF, offset, sealed_bytes, plain_bytes))

    @classmethod
    def of_trailers(cls, trailers: Iterable[Trailer]) -> Segment:
        """The segment that names everything in these packs."""
        packs, records = [], []
        for row, trailer in enumerate(trailers):
            packs.append(_PACK.pack(bytes.fromhex(trailer.pack_id), trailer.salt))
            records += [_record(row, entry) for entry in trailer.entries]
        records.sort()
        return cls(b"".join((_COUNTS.pack(len(packs), len(records)), *packs, *records)))

    @classmethod
    def merged(cls, segments: list[Segment], keep: frozenset[str]) -> Segment:
        """One segment with every record of ``segments`` whose pack is in ``keep``, each once."""
        salts = {pack_id: salt for segment in segments for pack_id, salt in segment.packs if pack_id in keep}
        rows = {pack_id: row for row, pack_id in enumerate(salts)}
        body = bytearray()
        last = b""
        # Rows are handed out in the order in which segments name them, so renumbering may only disturb the order among copies of one id.
        for record in heapq.merge(*(segment.renumbered(rows) for segment in segments), key=_id_of):
            if record != last:
                body += record
                last = record
        packs = (_PACK.pack(bytes.fromhex(pack_id), salt) for pack_id, salt in salts.items())
        return cls(b"".join((_COUNTS.pack(len(salts), len(body) // RECORD_BYTES), *packs, body)))


def _record(row: int, entry: Entry) -> bytes:
    typed = (entry.kind | entry.codec << 4) << 24 | entry.ordinal
    return _RECORD.pack(entry.id, row, typed, entry.offset, entry.sealed_bytes, entry.plain_bytes)


def _id_of(record: bytes) -> bytes:
    return record[:ID_BYTES]
