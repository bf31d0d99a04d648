"""Requests to a model service that wait for the one before go together, as one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reply = TypeVar("Reply")


@dataclass(eq=False)
class _Group(Generic[Item, Reply]):
    """Items that go in one request, and what will have been answered to all of them, in order."""

    replies: "asyncio.Future[Sequence[Reply]]"
    items: list[Item] = field(default_factory=list)


class Gathering(Generic[Item, Reply]):
    """Calls `ask` with the items of all who came while it was busy.

    A request to a service of its own costs 2 ms of CPU on both sides, a third of an inference on a
    CPU, however many photos it brings. Nobody waits for others to come: who finds the service idle
    goes at once. Whoever stops waiting leaves the rest of its group alone.

    Parameters
    ----------
    ask : answers a list of items in order; what it raises, all who went together are told
    most : items in one request; one call with more is never divided
    at_once : requests that are made beside each other
    """

    def __init__(
        self,
        ask: Callable[[list[Item]], Awaitable[Sequence[Reply]]],
        most: int = 32,
        at_once: int = 1,
    ) -> None:
        self._ask, self._most, self._at_once = ask, most, at_once
        self._waiting: list[_Group[Item, Reply]] = []
        self._asked: set[asyncio.Future[Sequence[Reply]]] = set()

    async def __call__(self, items: Sequence[Item]) -> Sequence[Reply]:
        """Return the answers to these items, in order."""
        group = self._group_with_room(len(items))
        start = len(group.items)
        group.items += items
        self._send()
        replies = await asyncio.shield(group.replies)
        return replies[start : start + len(items)]

    def _group_with_room(self, count: int) -> _Group[Item, Reply]:
        if not self._waiting or len(self._waiting[-1].items) + count > self._most:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(_Group(future))
        return self._waiting[-1]

    def _send(self) -> None:
        while self._waiting and len(self._asked) < self._at_once:
            group = self._waiting.pop(0)
            asked = asyncio.ensure_future(self._ask(group.items))
            self._asked.add(asked)
            asked.add_done_callback(partial(self._tell, group))

    def _tell(self, group: _Group[Item, Reply], asked: "asyncio.Future[Sequence[Reply]]") -> None:
        self._asked.discard(asked)
        if asked.cancelled():
            group.replies.cancel()
        elif error := asked.exception():
            group.replies.set_exception(error)
            group.replies.exception()  # seen: all who asked may be gone
        else:
            group.replies.set_result(asked.result())
        self._send()
