"""What the room classifier's adaptive batching gains, and what a poisoned photo costs the others.

Its own service over HTTP, one photo of 224x224 px per request, in JSON: BentoML takes the cheaper
bodies that the gateway sends from its own clients only. The model is a stub of 20 ms + 1 ms per
photo (`stub_service.py`). With its batching and without take turns; the ratio of their medians
counts.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp
import numpy as np
from figures import Figures, parse
from load import Load, measure_load
from servers import HERE, ROOT, Server, serve

from serving.card import Classes, ModelCard
from serving.models.wire import ArrayBytes, Item

STARTER = ROOT / "registry" / "starter"
JSON = {"Content-Type": "application/json"}
POISON = (255, 0, 255)
SIDE = 224
PATH = "/room-classifier/predict"
POISONED_AT = 13  # of a batch, neither its first nor its last


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--concurrency", type=int, default=32, help="%(default)s")
    arguments = parse(__doc__, parser)
    at_once = arguments.concurrency
    rounds, counts = (2, (640, 160)) if arguments.quick else (5, (3200, 640))
    card = ModelCard.model_validate_json((STARTER / "room-classifier" / "card.json").read_bytes())
    bodies = [make_body((number, 0, 0)) for number in range(len(card.output_as(Classes).labels))]
    figures = Figures()
    figures.say(f"{rounds} rounds of {counts[0]} requests batched and {counts[1]} unbatched, ")
    figures.say(f"{at_once} at once, {len(bodies[0]) / 1e3:.0f} kB each")
    with tempfile.TemporaryDirectory() as name, start(name, "1") as on, start(name, "0") as off:
        runs: list[tuple[Load, Load]] = []
        for server in (on, off):  # the batcher learns its model's pace from the first requests
            load(server, bodies, at_once, 4 * at_once)
        for _ in range(rounds):
            runs.append(
                (load(on, bodies, at_once, counts[0]), load(off, bodies, at_once, counts[1]))
            )
        trials = 3 if arguments.quick else 20
        figures.say(f"a poisoned photo among {at_once}, {trials} times")
        alone = [asyncio.run(poison(on, card, bodies, at_once)) for _ in range(trials)]
    batched, unbatched = (statistics.median(run[arm].per_second for run in runs) for arm in (0, 1))
    figures.add("batching.ratio", batched / unbatched)
    report(figures, "batching.on", [run[0] for run in runs])
    report(figures, "batching.off", [run[1] for run in runs])
    figures.add("batching.poison_alone", float(all(alone)))
    figures.print()


def start(home: str, batched: str) -> AbstractContextManager[Server]:
    """Serve the stub."""
    env = {
        "STUB_BATCHED": batched,
        "STUB_SIDE": str(SIDE),
        "BAKED_MODELS": str(STARTER),
        "PYTHONPATH": str(HERE),
    }
    return serve("stub_service:Stub", Path(home) / f"batched-{batched}.log", "/readyz", env)


def make_body(first: tuple[int, int, int]) -> bytes:
    """Return a request of one photo, its first pixel as given."""
    image = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    image[0, 0] = first
    item = Item(arrays={"pixels": ArrayBytes.of(image)}, size=image.shape[:2])
    return json.dumps({"items": [item.model_dump(mode="json")]}).encode()


def load(server: Server, bodies: Sequence[bytes], concurrency: int, count: int) -> Load:
    """Classify `count` photos."""
    return measure_load(server.url + PATH, server.pid, bodies, JSON, concurrency, count)


async def poison(server: Server, card: ModelCard, bodies: Sequence[bytes], count: int) -> bool:
    """Say whether, of `count` photos sent together, the poisoned one fails and no other."""
    poisoned = make_body(POISON)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(place: int) -> bool:
            body = poisoned if place == POISONED_AT else bodies[place % len(bodies)]
            async with session.post(server.url + PATH, data=body, headers=JSON) as answer:
                (reply,) = await answer.json()
            if place == POISONED_AT:
                return reply["answer"] is None and "poisoned" in reply["error"]
            label = reply["answer"]["room_type"]
            return bool(label == card.output_as(Classes).labels[place % len(bodies)].name)

        return all(await asyncio.gather(*(ask(place) for place in range(count))))


def report(figures: Figures, name: str, loads: Sequence[Load]) -> None:
    """Add one arm's figures."""
    figures.add(f"{name}.per_second", statistics.median(load.per_second for load in loads))
    figures.add(f"{name}.cpu_ms", statistics.median(load.cpu_ms for load in loads))
    for percent in (50, 95, 99):
        middle = statistics.median(load.percentile_ms(percent) for load in loads)
        figures.add(f"{name}.p{percent}_ms", middle)
    figures.add(f"{name}.errors", sum(sum(load.failures.values()) for load in loads))


if __name__ == "__main__":
    main()
