"""A row of the mirror: its fields are sealed JSON in which money stays exact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.records import Json, SourceRef, Upsert
from gateway.sealing import Sealer

Row = Any  # a row of the table as the driver gives it: dynamic by nature


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """
    One row, opened.

    ``written`` is the version Salesforce is known to hold, 0 for none; ``doubt``: an earlier write of a stamp may still
    arrive until then (seconds since the epoch), so it is written once more afterwards.
    """

    org: str
    sobject: str
    key: str
    id_field: str
    parent: SourceRef | None
    fields: Mapping[str, Json]
    version: int
    written: int
    number: int
    state: str
    priority: int
    due: float
    dirty_since: float | None
    doubt: float | None
    attempts: int
    error_code: str | None
    error: str | None

    @property
    def stamp(self) -> bool:
        """See `gateway.records.Upsert.stamp`."""
        return self.upsert.stamp

    @property
    def upsert(self) -> Upsert:
        """The row as it was merged."""
        return Upsert(self.sobject, self.key, self.fields, self.parent, self.id_field)


_PLAIN = tuple(name for name in MirrorRow.__dataclass_fields__ if name not in {"parent", "fields"})


def opened(sealer: Sealer, row: Row) -> MirrorRow:
    """A row of the table with its fields unsealed."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    return MirrorRow(**values, parent=parent_of(row), fields=fields_of(sealer, row))


def parent_of(row: Row) -> SourceRef | None:
    """The source record of a row of the table."""
    return SourceRef(row.parent_sobject, row.parent_id) if row.parent_sobject and row.parent_id else None


# Money is kept exactly and comes back as Decimal: JSON itself has only strings and doubles for it.
_TAG = "$decimal"


def sealed(sealer: Sealer, org: str, sobject: str, key: str, fields: Mapping[str, Json]) -> bytes:
    """The fields as they are stored, bound to their row."""
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False, default=_tagged)
    return sealer.seal(text.encode(), f"mirror.fields:{org}:{sobject}:{key}")


def fields_of(sealer: Sealer, row: Row) -> dict[str, Json]:
    """The fields of a row of the table."""
    text = sealer.open(row.fields, f"mirror.fields:{row.org}:{row.sobject}:{row.key}")
    fields: dict[str, Json] = json.loads(text, object_hook=_untagged)
    return fields


def _tagged(value: object) -> object:
    if isinstance(value, Decimal):
        return {_TAG: format(value, "f")}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _untagged(value: dict[str, Json]) -> Json:
    return Decimal(value[_TAG]) if _TAG in value else value
