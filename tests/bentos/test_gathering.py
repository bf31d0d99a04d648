"""What waits for a model service goes together."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

from bentos.gateway.gathering import Gathering


class Service:
    """Answers each number with its square, one request after the other, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let = asyncio.Event()

    async def __call__(self, numbers: list[int]) -> Sequence[int]:
        """Answer; ValueError for a batch with a negative number."""
        self.batches.append(list(numbers))
        await self.let.wait()
        if min(numbers) < 0:
            raise ValueError("negative")
        return [number**2 for number in numbers]


async def begin(gathering: Gathering[int, int], *asked: list[int]) -> list[asyncio.Task[object]]:
    """Let each ask, up to where it waits."""
    tasks: list[asyncio.Task[object]] = [
        asyncio.ensure_future(gathering(numbers)) for numbers in asked
    ]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def test_who_comes_while_the_service_is_busy_goes_together() -> None:
    async def check() -> None:
        service = Service()
        tasks = await begin(Gathering(service), [1], [2], [3, 4])
        assert service.batches == [[1]]
        service.let.set()
        assert await asyncio.gather(*tasks) == [[1], [4], [9, 16]]
        assert service.batches == [[1], [2, 3, 4]]

    asyncio.run(check())


def test_a_request_holds_no_more_than_the_most_and_one_call_is_not_divided() -> None:
    async def check() -> None:
        service = Service()
        tasks = await begin(Gathering(service, most=3), [1], [2, 3], [4, 5], [6], [7, 8, 9, 10])
        service.let.set()
        await asyncio.gather(*tasks)
        assert service.batches == [[1], [2, 3], [4, 5, 6], [7, 8, 9, 10]]

    asyncio.run(check())


def test_as_many_requests_as_are_allowed_are_made_beside_each_other() -> None:
    async def check() -> None:
        service = Service()
        tasks = await begin(Gathering(service, at_once=2), [1], [2], [3])
        assert service.batches == [[1], [2]]
        service.let.set()
        await asyncio.gather(*tasks)

    asyncio.run(check())


def test_what_breaks_a_request_is_told_to_all_of_it_and_to_nobody_else() -> None:
    async def check() -> None:
        service = Service()
        tasks = await begin(Gathering(service), [1], [2], [-3])
        service.let.set()
        assert await tasks[0] == [1]
        for task in tasks[1:]:
            with pytest.raises(ValueError, match="negative"):
                await task
        assert await Gathering(service)([5]) == [25]

    asyncio.run(check())


def test_who_stops_waiting_leaves_the_others_their_answers() -> None:
    async def check() -> None:
        service = Service()
        tasks = await begin(Gathering(service), [1], [2], [3])
        tasks[0].cancel()
        tasks[1].cancel()
        service.let.set()
        assert await tasks[2] == [9]
        assert service.batches == [[1], [2, 3]]

    asyncio.run(check())


def test_an_error_that_nobody_waits_for_is_not_reported_as_lost() -> None:
    async def check() -> None:
        lost: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        service = Service()
        (task,) = await begin(Gathering(service), [-1])
        task.cancel()
        service.let.set()
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert not lost

    asyncio.run(check())
