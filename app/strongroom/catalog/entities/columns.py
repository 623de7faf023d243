"""Columns that several tables share: enums by value with a CHECK, JSON by whole assignment, new identities."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, Column, Enum
from sqlmodel import SQLModel

# Every constraint has a name, so that a later migration can drop it; set before the first table is defined.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


def enum_column(kind: type[StrEnum], *, index: bool = False, nullable: bool = False) -> Column[Any]:
    """A column that stores the enum's value (not its name) and lets the database refuse any other."""
    values = [member.value for member in kind]
    name = f"{kind.__name__.lower()}_value"
    stored = Enum(kind, values_callable=lambda _: values, native_enum=False, create_constraint=True, name=name, length=48)
    return Column(stored, index=index, nullable=nullable)


def json_column() -> Column[Any]:
    """A JSON column; change it by assigning a whole new value, in-place changes are not seen."""
    return Column(JSON, nullable=False)


def new_uid() -> str:
    """An identity that is never reused and means the same in catalog, repository and logs: 32 hex characters."""
    return uuid4().hex
