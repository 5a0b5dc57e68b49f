"""The order of a conversation's items: what came after what, as the client is told."""

from __future__ import annotations

from collections.abc import Iterator

from voicert.server.realtime.items import Event, Item

KEEP_ITEMS = 256  # older items are forgotten, so that an endless conversation takes bounded memory


class History:
    """The newest items. An item is first expected, by the session's number, and then listed."""

    def __init__(self) -> None:
        self._order: list[str] = []  # ids of the listed ones
        self._listed: dict[str, Item] = {}
        self._numbered: dict[int, Item] = {}  # by the session's number, listed or not; oldest first

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Item]:
        """The listed items in order."""
        return (self._listed[item_id] for item_id in self._order)

    def expect(self, item: Item) -> Item:
        """Notes a numbered item that the client will be told of later."""
        if item.number is not None:
            self._numbered[item.number] = item
            while len(self._numbered) > 2 * KEEP_ITEMS:
                del self._numbered[next(iter(self._numbered))]
        return item

    def numbered(self, number: int) -> Item | None:
        return self._numbered.get(number)

    def find(self, item_id: str) -> Item | None:
        """A listed item."""
        return self._listed.get(item_id)

    def is_listed(self, item: Item) -> bool:
        return self._listed.get(item.id) is item

    @property
    def last_id(self) -> str | None:
        """What a new item would follow."""
        return self._order[-1] if self._order else None

    def previous_id(self, item: Item) -> str | None:
        """What a listed item follows; None for the first one."""
        at = self._order.index(item.id)
        return self._order[at - 1] if at else None

    def add(self, item: Item, place: int | None = None) -> list[Event]:
        """Lists an item, at the end unless a place is given; the event that tells so."""
        self._order.insert(len(self._order) if place is None else place, item.id)
        self._listed[item.id] = item
        self.expect(item)
        added = self._about("conversation.item.added", item)
        if len(self._order) > KEEP_ITEMS:
            self.forget(next(old for old in self if old is not item))
        return [added]

    def done(self, item: Item) -> list[Event]:
        """The event that a listed item is complete; none for one that was deleted meanwhile."""
        return [self._about("conversation.item.done", item)] if self.is_listed(item) else []

    def place_after(self, item_id: str) -> int | None:
        """Where an item that follows this one would stand; None when there is no such item."""
        return self._order.index(item_id) + 1 if item_id in self._listed else None

    def forget(self, item: Item) -> None:
        """Takes an item off the list."""
        if self.is_listed(item):
            self._order.remove(item.id)
            del self._listed[item.id]
        if item.number is not None:
            self._numbered.pop(item.number, None)

    def _about(self, kind: str, item: Item) -> Event:
        return {"type": kind, "previous_item_id": self.previous_id(item), "item": item.describe()}
