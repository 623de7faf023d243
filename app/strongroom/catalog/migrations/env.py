"""What alembic runs for every command: inside the connection and transaction that ``catalog/migration.py`` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

import strongroom.catalog.entities  # noqa: F401  (fills the metadata that revisions are compared with)


def plain_type(kind: str, value: Any, _: Any) -> str | Literal[False]:
    """Columns as plain SQLAlchemy types, so that an old revision does not depend on what sqlmodel becomes."""
    if kind == "type" and isinstance(value, AutoString):
        return "sa.String()" if value.length is None else f"sa.String(length={value.length})"
    return "sa.DateTime()" if kind == "type" and isinstance(value, UTCDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=plain_type,
    transactional_ddl=False,  # one transaction around all of it is open already
)
context.run_migrations()
