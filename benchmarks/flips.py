"""Whether a listing ever goes back to the champion while a version's share of listings grows.

Two gateways, one of which has its models as services of their own, two workers and the launcher of
versions beside the champion run as `make dev` runs them, with the embedded PostgreSQL. A fixed set
of listings is asked about again and again at both gateways and as jobs, each listing with a photo
of its own, while the version's weight goes from 0 to 100 in the steps of a ramp. Around each raise
processes are killed with SIGKILL at seeded moments, so that some start while the others wait for
the raise to hold. The supervisor starts them again.

flips: answers of the champion that were asked for after an answer of the version about the same
listing had been received, anywhere. Overlapping answers are none, for neither came first.
fallbacks: the same where the route was right and the version did not answer (the launcher's end is
its process's, too). They are told by `studio_slot_fallbacks_total` of the process that answered:
each is asked one question at a time, and read after every answer that may have been one.
"""

import argparse
import contextlib
import itertools
import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import httpx
import psutil
from alias_swap import make_photo, wait_for_starter
from chaos_client import wait_until
from figures import Figures, parse
from game_day_traffic import comment
from sqlalchemy import Engine
from sqlalchemy.orm import Session as Database

from registry.bootstrap import STARTERS
from registry.slot_rows import set_traffic, store, write_slot
from registry.versions import ModelFiles
from serving.access.api_keys import create_key
from serving.db.engine import open_engine
from serving.models.routing import CHALLENGER, CHAMPION, bucket
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.objects import storage_of
from stack.leftovers import MARK, mark_of
from stack.processes import Program, Stack, free_port
from stack.programs import ROOT, Ports, Workers, environment, gateway, postgres, slots, worker
from stack.supervisor import Supervisor

TASK = ROOM_CLASSIFIER.name
STEPS = (1.0, 5.0, 25.0, 50.0, 100.0)
VERSION, SALT = "2", "2-0123abcd"
GATEWAYS, WORKERS = ("gateway", "gateway2"), ("worker", "worker2")
LAUNCHER = "slots"
JOBS = "jobs"
_PAUSE_S = 0.03
_AROUND_S = 6.0  # before a raise: about what a process takes to start
_STEP_S = 14.0  # after a raise: five times what it takes to hold
_GIVE_UP_S = 60.0
_ENDED = ("completed", "failed", "cancelled")
_FALLBACKS = re.compile(
    rf'^studio_slot_fallbacks_total{{[^}}]*task="{TASK}"[^}}]*}} ([0-9.e+]+)$', re.MULTILINE
)


@dataclass(frozen=True)
class Answer:
    """One answer about a listing.

    Attributes
    ----------
    asked, received : seconds of `time.perf_counter`
    fell_back : the version was asked and did not answer
    """

    listing: str
    where: str
    slot: str
    asked: float
    received: float
    fell_back: bool = False


def judge(answers: Sequence[Answer]) -> list[Answer]:
    """Return the champion's answers asked for after one of the version was received.

    Examples
    --------
    >>> mine = [Answer("a", "one", CHALLENGER, 0, 2), Answer("a", "two", CHAMPION, 1, 3)]
    >>> judge(mine)
    []
    >>> len(judge([*mine, Answer("a", "two", CHAMPION, 2.5, 3)]))
    1
    """
    first: dict[str, float] = defaultdict(lambda: float("inf"))
    for answer in answers:
        if answer.slot != CHAMPION:
            first[answer.listing] = min(first[answer.listing], answer.received)
    return [a for a in answers if a.slot == CHAMPION and a.asked > first[a.listing]]


class Fallbacks:
    """Counts a process's fallbacks, or those of some together.

    Parameters
    ----------
    urls : of their metrics
    """

    def __init__(self, urls: Sequence[str], headers: dict[str, str]) -> None:
        self._urls, self._headers = urls, headers
        self._known = dict.fromkeys(urls, 0.0)

    def more(self) -> bool:
        """Say whether there are more than before; a process that is away has none."""
        return any([self._rose(url) for url in self._urls])

    def _rose(self, url: str) -> bool:
        try:
            text = httpx.get(url, headers=self._headers, timeout=10).raise_for_status().text
        except httpx.HTTPError:
            return False
        now = sum(map(float, _FALLBACKS.findall(text)))
        before, self._known[url] = self._known[url], now
        return now > (before if now >= before else 0.0)  # fewer: it has started again


class Clients:
    """Ask about the listings one after the other, in one thread for each gateway and one for jobs.

    Parameters
    ----------
    urls : of the gateways
    measures : of the workers' metrics
    """

    def __init__(
        self, urls: Sequence[str], measures: Sequence[str], key: str, listings: int, random: Random
    ) -> None:
        self._urls, self._measures, self._headers = urls, measures, {"X-API-Key": key}
        self.listings = {f"listing-{n}": comment(make_photo(), str(n)) for n in range(listings)}
        self._orders = [random.sample([*self.listings], listings) for _ in range(len(urls) + 1)]
        self._stop = threading.Event()
        self.weight = 0.0  # published last
        self.answers: list[Answer] = []
        self.unanswered: Counter[str] = Counter()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask until the end of the block."""
        work: list[tuple[object, ...]] = [
            (url, partial(self._ask, url), Fallbacks([f"{url}/internal/metrics"], self._headers))
            for url in self._urls
        ]
        work.append((JOBS, self._ask_later, Fallbacks(self._measures, {})))
        threads = [
            threading.Thread(target=self._go, args=(*each, order))
            for each, order in zip(work, self._orders, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def wait(self, since: float) -> None:
        """Return once all gateways, and a job, were asked since and have answered."""
        places = {*self._urls, JOBS}
        wait_until(
            lambda: {a.where for a in self.answers[:] if a.asked > since} >= places, _GIVE_UP_S
        )

    def _go(
        self,
        where: str,
        ask: Callable[[httpx.Client, str], str],
        fallbacks: Fallbacks,
        order: Sequence[str],
    ) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            for listing in itertools.cycle(order):
                if self._stop.wait(_PAUSE_S):
                    return
                asked = time.perf_counter()
                try:
                    slot = ask(client, listing)
                except (httpx.HTTPError, KeyError) as error:
                    self.unanswered[f"{where}: {type(error).__name__}"] += 1
                    continue
                received = time.perf_counter()
                # all that can have fallen back are looked at, so that a rise is this answer's
                may = slot == CHAMPION and bucket(SALT, TASK, listing) < self.weight
                fell_back = may and fallbacks.more()
                self.answers.append(Answer(listing, where, slot, asked, received, fell_back))

    def _ask(self, url: str, client: httpx.Client, listing: str) -> str:
        headers = {"Content-Type": "image/jpeg", "X-Listing-Id": listing}
        content = self.listings[listing]
        answer = client.post(f"{url}/internal/photos/classify", content=content, headers=headers)
        return str(answer.raise_for_status().json()["results"][0]["model"]["slot"])

    def _ask_later(self, client: httpx.Client, listing: str) -> str:
        work = {"photos": [f"{listing}.jpg"], "async": True, "listing_id": listing}
        gateways = itertools.cycle(self._urls)
        url = next(gateways)
        answer = client.post(f"{url}/internal/photos/classify", json=work)
        path = httpx.URL(answer.raise_for_status().json()["url"]).path
        while True:
            with contextlib.suppress(httpx.HTTPError):
                state = client.get(f"{url}{path}").raise_for_status().json()
                if state["status"] in _ENDED:
                    return str(state["result"]["results"][0]["model"]["slot"])
            time.sleep(0.05)
            url = next(gateways)


class Killer:
    """Kills the studio's processes, which its supervisor starts again."""

    def __init__(self, supervisor: Supervisor, home: Path, random: Random) -> None:
        self._supervisor, self._home, self._random = supervisor, home, random
        self.restarts: Counter[str] = Counter()
        self._killed: list[tuple[str, set[int]]] = []

    def kill(self, name: str) -> None:
        """Kill a process of a program: one of those that it consists of."""
        found = self._processes(name)
        if not found:
            return
        victim = self._random.choice(found)
        self._killed.append((name, {process.pid for process in found}))
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()

    def count(self) -> None:
        """Wait for what was killed, and count what has come back."""
        for name, before in self._killed:
            if not wait_until(partial(self._is_new, name, before), _GIVE_UP_S):
                raise TimeoutError(f"{name} does not come back")
            self.restarts[name] += 1
        self._killed.clear()

    def _is_new(self, name: str, before: set[int]) -> bool:
        return bool({process.pid for process in self._processes(name)} - before)

    def _processes(self, name: str) -> list[psutil.Process]:
        mark, found = mark_of(self._home, name), []
        for process in psutil.Process(self._supervisor.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get(MARK) == mark
                if mine and (name != LAUNCHER or "bentos.slot_services" in process.cmdline()):
                    found.append(process)
        return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "flips", help="%(default)s")
    arguments = parse(__doc__, parser)
    steps, listings = ((25.0, 100.0), 100) if arguments.quick else (STEPS, 300)
    figures, random = Figures(), Random(arguments.seed)
    settings = Settings(studio_home=arguments.home / time.strftime("%Y%m%d-%H%M%S"))
    ports = [Ports(gateway_port=free_port()) for _ in GATEWAYS]
    measures = [free_port() for _ in WORKERS]
    # a caller's deadline is not what is measured, and a busy host misses it
    env = environment(settings) | {"RATE_LIMIT": "10000/second", "CHALLENGER_DEADLINE_S": "5"}
    stack = Stack(settings, programs(settings, ports, measures), env, say=figures.say)
    with stack.running(prepare=publish) as supervisor:
        engine, storage = open_engine(settings), storage_of(settings)
        key = create_key(engine, "benchmark")
        urls = [f"http://127.0.0.1:{each.gateway_port}" for each in ports]
        for url in urls:
            wait_for_starter(url, key)
        scraped = [f"http://127.0.0.1:{port}/metrics" for port in measures]
        clients = Clients(urls, scraped, key, listings, random)
        for listing, photo in clients.listings.items():
            storage.write(f"{listing}.jpg", photo)
        killer = Killer(supervisor, settings.home(), random)
        with clients.asking():
            wait_until(lambda: len(clients.answers) > listings, _GIVE_UP_S)
            for weight in steps:
                raise_weight(engine, clients, killer, weight, random)
                figures.say(f"  {weight:g} %: {len(clients.answers)} answers")
        engine.dispose()
    tell(figures, clients, killer)


def programs(
    settings: Settings, ports: Sequence[Ports], measures: Sequence[int]
) -> Sequence[Program]:
    """Return the studio's: the second gateway has services of its own."""
    inline, other = (gateway(each) for each in ports)
    command = f"env SERVING_MODELS=service {other.command}"
    working = [
        replace(each, command=f"env WORKER_METRICS_PORT={port} {each.command}")
        for each, port in zip(worker(Workers(workers=len(WORKERS))), measures, strict=True)
    ]
    return [
        *postgres(settings), inline, slots(), *working,
        replace(other, name=GATEWAYS[1], command=command, process_tree=True),
    ]  # fmt: skip


def publish(settings: Settings) -> None:
    """Make the starter the champion, and the same network a version that answers nobody yet."""
    engine, folder = open_engine(settings), STARTERS / TASK
    model, card = ((folder / name).read_bytes() for name in ("model.onnx", "card.json"))
    other = json.dumps(json.loads(card) | {"git_commit": "another"}).encode()
    beside = {"mode": "shadow", "weight": 0.0, "salt": SALT}
    with Database(engine) as database, database.begin():
        champion = store(storage_of(settings), "1", ModelFiles(model, card))
        write_slot(database, TASK, CHAMPION, champion)
        version = store(storage_of(settings), VERSION, ModelFiles(model, other))
        write_slot(database, TASK, CHALLENGER, version, **beside)
    engine.dispose()


def raise_weight(
    engine: Engine, clients: Clients, killer: Killer, weight: float, random: Random
) -> None:
    """Raise the version's weight, with processes killed before and after."""
    raised = time.monotonic() + _AROUND_S
    moments = [(random.uniform(-_AROUND_S, 1.0), name) for name in (*GATEWAYS, *WORKERS)]
    moments.append((random.uniform(4.0, 8.0), LAUNCHER))
    for moment, name in sorted([*moments, (0.0, "")]):
        time.sleep(max(0.0, raised + moment - time.monotonic()))
        if name:
            killer.kill(name)
            continue
        clients.weight = weight
        with Database(engine) as database, database.begin():
            set_traffic(database, TASK, CHALLENGER, "canary", weight, SALT, 100.0)
    time.sleep(max(0.0, raised + _STEP_S - time.monotonic()))
    # more is raised once the studio is whole again: a busy host takes longer to start processes
    killer.count()
    clients.wait(time.perf_counter())


def tell(figures: Figures, clients: Clients, killer: Killer) -> None:
    """Add up what was answered."""
    answers = clients.answers
    back = judge(answers)
    flips = [answer for answer in back if not answer.fell_back]
    for flip in flips[:20]:
        figures.say(f"  flip: {flip}")
    for place, count in Counter((a.where, a.slot) for a in answers).items():
        figures.say(f"  {count:>6} answers of the {place[1]} at {place[0]}")
    for failure, count in clients.unanswered.items():
        figures.say(f"  {count:>6} without an answer: {failure}")
    moved = {answer.listing for answer in answers if answer.slot == CHALLENGER}
    figures.add("flips.flips", len(flips))
    figures.add("flips.fallbacks", len(back) - len(flips))
    figures.add("flips.listings", len(clients.listings))
    figures.add("flips.listings_moved_share", len(moved) / len(clients.listings))
    figures.add("flips.answers", len(answers))
    figures.add("flips.answers_of_jobs", sum(answer.where == JOBS for answer in answers))
    figures.add("flips.restarts", killer.restarts.total())
    figures.print()


if __name__ == "__main__":
    main()
