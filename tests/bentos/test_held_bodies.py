"""Bodies of all requests together hold no more memory than the process has for them."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from bentos.gateway.bodies import HeldBody, read_body
from serving.budget import Budget
from serving.errors import Busy


def request(held: HeldBody, *chunks: bytes) -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "headers": [], HeldBody.key: held}, receive)


def test_a_body_is_held_until_its_request_is_answered() -> None:
    budget = Budget(100, wait_s=0.01)
    first, second = HeldBody(budget), HeldBody(budget)

    async def work() -> None:
        assert await read_body(request(first, b"a" * 40, b"b" * 40), 1000) == b"a" * 40 + b"b" * 40
        assert budget.held == 80
        with pytest.raises(Busy):
            await read_body(request(second, b"c" * 40), 1000)
        second.release()
        first.release()
        assert budget.held == 0
        assert await read_body(request(second, b"c" * 40), 1000) == b"c" * 40

    asyncio.run(work())


def test_a_body_waits_for_what_others_give_back() -> None:
    budget = Budget(100, wait_s=60.0)
    first, second = HeldBody(budget), HeldBody(budget)

    async def work() -> None:
        await first.grow(80)
        waiting = asyncio.ensure_future(read_body(request(second, b"c" * 40), 1000))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        first.release()
        assert len(await waiting) == 40
        assert budget.held == 40

    asyncio.run(work())
