"""A process of its own that writes to a catalog: ``python -m tests.scenario.catalog.writer KIND PATH …``."""

from __future__ import annotations

import sys
from pathlib import Path

from sqlmodel import select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Lease
from tests.unit.catalog.rows import NOW, Rows

ENTRIES_OF_A_CHANGE = 5


def say(words: object) -> None:
    print(words, flush=True)


def count(catalog: Catalog, owner: str, times: int) -> None:
    """Read a shared counter and write it back one higher, which loses counts unless every write is alone."""
    say("ready")
    sys.stdin.readline()
    for turn in range(times):
        with catalog.write(durable=turn % 2 == 0) as session:
            lease = session.exec(select(Lease)).one()
            lease.counter += 1
            session.add(lease)
            Rows(session).audit(f"{owner}-{turn}")
    say("done")


def change(catalog: Catalog, first: int) -> None:
    """Until killed: changes of several rows each, named once they are committed."""
    number = first
    while True:
        with catalog.write() as session:
            rows = Rows(session)
            for _ in range(ENTRIES_OF_A_CHANGE):
                rows.audit(f"change-{number}")
        say(number)
        number += 1


def once(catalog: Catalog) -> None:
    """One commit for each line on standard input."""
    say("ready")
    for line in sys.stdin:
        with catalog.write(durable=False) as session:
            Rows(session).audit(line.strip())
        say("committed")


def hold(catalog: Catalog) -> None:
    """Take the write lock, write a row, say so, and wait to be killed in the middle of it."""
    with catalog.write() as session:
        Rows(session).audit("never committed")
        session.add(Lease(name="half", owner="", renewed_at=NOW))
        session.flush()
        say("holding")
        sys.stdin.read()


def main() -> None:
    kind, path, *rest = sys.argv[1:]
    with Catalog.open(Path(path)) as catalog:
        if kind == "count":
            count(catalog, rest[0], int(rest[1]))
        elif kind == "change":
            change(catalog, int(rest[0]))
        elif kind == "once":
            once(catalog)
        else:
            hold(catalog)


if __name__ == "__main__":
    main()
