"""Rows of one kind of object, in the order they were made, with indexes for the filters that lists offer."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Row = dict[str, Any]
Key = Callable[[Row], Any]


class Table:
    """
    Rows are values: a change puts a new dictionary in the place of the old one, so whoever holds a row (an event, say)
    holds the state of its moment. A change of an indexed field needs ``move``.
    """

    def __init__(self, indexes: Mapping[str, Key] | None = None, keep: int | None = None) -> None:
        self.rows: dict[str, Row] = {}
        self.keep = keep
        self._keys = dict(indexes or {})
        self._order: list[str] = []
        self._oldest = 0
        self._position: dict[str, int] = {}
        self._index: dict[str, dict[Any, list[str]]] = {name: {} for name in self._keys}

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: Row) -> None:
        identity = row["id"]
        self.rows[identity] = row
        self._position[identity] = len(self._order)
        self._order.append(identity)
        for name, key in self._keys.items():
            self._index[name].setdefault(key(row), []).append(identity)
        if self.keep and len(self.rows) > self.keep:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while self._order[self._oldest] not in self.rows:
            self._oldest += 1
        self.remove(self._order[self._oldest])

    def replace(self, row: Row) -> None:
        self.rows[row["id"]] = row

    def remove(self, identity: str) -> None:
        del self.rows[identity]

    def known(self, identity: str) -> bool:
        return identity in self._position

    def where(self, **by: Any) -> Iterator[Row]:
        """Rows with these indexed values, oldest first."""
        for identity in self._candidates(by):
            row = self.rows.get(identity)
            if row is not None and self._fits(row, by):
                yield row

    def newest(self, by: Mapping[str, Any], *, older_than: str | None, newer_than: str | None) -> Iterator[Row]:
        """Newest first, from just below ``older_than``; or oldest first, from just above ``newer_than``."""
        identities = self._candidates(by)
        place = self._position.__getitem__
        if newer_than is not None:
            start = bisect_left(identities, place(newer_than) + 1, key=place)
            positions = range(start, len(identities))
        else:
            end = bisect_left(identities, place(older_than), key=place) if older_than else len(identities)
            positions = range(end - 1, -1, -1)
        for position in positions:
            row = self.rows.get(identities[position])
            if row is not None and self._fits(row, by):
                yield row

    def _candidates(self, by: Mapping[str, Any]) -> list[str]:
        lists = [self._index[name].get(value, []) for name, value in by.items()]
        return min(lists, key=len) if lists else self._order

    def _fits(self, row: Row, by: Mapping[str, Any]) -> bool:
        return all(self._keys[name](row) == value for name, value in by.items())

    def move(self, old: Row, new: Row, name: str) -> None:
        """Follow the change of an indexed field, keeping the order of creation."""
        index = self._index[name]
        index[self._keys[name](old)].remove(old["id"])
        target = index.setdefault(self._keys[name](new), [])
        target.insert(bisect_left(target, self._position[new["id"]], key=self._position.__getitem__), new["id"])
