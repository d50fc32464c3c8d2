"""The org's records: plain dicts, indexed by id and by every reference, unique and external-id field."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gateway.sandbox.salesforce.schema import Field, Schema, SObject

Record = dict[str, Any]
Change = tuple[str, str, Record | None]
EVENT = ""  # in place of an object: something that counts once the transaction has been committed


def index_key(field: Field, value: Any) -> Any:
    """Text matches without regard to case unless the field says otherwise."""
    if field.type == "reference" or field.case_sensitive or not isinstance(value, str):
        return value
    return value.lower()


class Store:
    """Every change is remembered until the outermost transaction ends, so that a part of a call can be undone."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tables: dict[str, dict[str, Record]] = {name: {} for name in schema.objects}
        self.object_of: dict[str, str] = {}
        self.deleted: dict[str, tuple[str, Record]] = {}
        self.merged: dict[str, str] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        self.events: list[Record] = []
        self._index: dict[tuple[str, str], dict[Any, dict[str, None]]] = {}
        self._undo: list[Change] = []
        self._depth = 0

    def get(self, record_id: str) -> Record | None:
        sobject = self.object_of.get(record_id)
        return None if sobject is None else self.tables[sobject].get(record_id)

    def find(self, sobject: SObject, field: Field, value: Any) -> list[str]:
        """Ids of the records whose indexed field has this value."""
        return list(self._index.get((sobject.name, field.name), {}).get(index_key(field, value), ()))

    def all(self, sobject: SObject) -> Iterable[Record]:
        return self.tables[sobject.name].values()

    def put(self, sobject: SObject, record: Record) -> None:
        """Insert or replace; the record must not be changed afterwards."""
        record_id = record["Id"]
        self._undo.append((sobject.name, record_id, self.tables[sobject.name].get(record_id)))
        self._set(sobject, record_id, record)

    def remove(self, sobject: SObject, record_id: str) -> None:
        before = self.tables[sobject.name][record_id]
        self._undo.append((sobject.name, record_id, before))
        self._set(sobject, record_id, None)
        self.deleted[record_id] = (sobject.name, before)

    def note(self, event: Record) -> None:
        """Something that happened to records; it is in ``events`` once the outermost transaction has ended well."""
        self._undo.append((EVENT, "", event))

    def next_number(self, sobject: SObject, field: Field) -> int:
        number = self.numbers.get((sobject.name, field.name), 0) + 1
        self.numbers[sobject.name, field.name] = number
        return number

    @contextmanager
    def transaction(self) -> Iterator[int]:
        """Yields the mark to roll back to; an exception rolls back by itself."""
        mark = len(self._undo)
        self._depth += 1
        try:
            yield mark
        except BaseException:
            self.rollback(mark)
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.events += [event for name, _, event in self._undo if name == EVENT and event is not None]
                self._undo.clear()

    def rollback(self, mark: int) -> None:
        while len(self._undo) > mark:
            name, record_id, before = self._undo.pop()
            if name == EVENT:
                continue
            self._set(self.schema.objects[name], record_id, before)
            if before is not None:
                self.deleted.pop(record_id, None)

    def _set(self, sobject: SObject, record_id: str, record: Record | None) -> None:
        table = self.tables[sobject.name]
        before = table.get(record_id)
        for field in sobject.indexed:
            old = before.get(field.name) if before else None
            new = record.get(field.name) if record else None
            if old != new:
                self._reindex(sobject, field, record_id, old, new)
        if record is None:
            table.pop(record_id, None)
            self.object_of.pop(record_id, None)
        else:
            table[record_id] = record
            self.object_of[record_id] = sobject.name

    def _reindex(self, sobject: SObject, field: Field, record_id: str, old: Any, new: Any) -> None:
        index = self._index.setdefault((sobject.name, field.name), {})
        if old is not None:
            ids = index[index_key(field, old)]
            ids.pop(record_id, None)
            if not ids:
                del index[index_key(field, old)]
        if new is not None:
            index.setdefault(index_key(field, new), {})[record_id] = None
