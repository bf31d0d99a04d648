"""The studio of the game day: all of its processes, a version put beside the champion, its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml
from alias_swap import wait_for_starter
from game_day_traffic import Traffic
from game_day_versions import TASK, Version, starter
from mlflow import MlflowClient
from sqlalchemy import Engine, text

from registry.admission import standard_test_set
from registry.bootstrap import STARTERS
from registry.client import open_client, open_experiment
from registry.judge import Verdict, digest_of, standard
from registry.ramp.rules import FOLDER
from registry.versions import TEST_SET, register, tag_verdict
from serving.access.api_keys import create_key
from serving.card import ModelCard
from serving.db.engine import open_engine
from serving.models.routing import CHALLENGER
from serving.settings import Settings
from serving.storage.objects import storage_of
from stack.callbacks import callback_environment
from stack.dev import prepare
from stack.processes import Stack, free_port
from stack.programs import (
    ROOT,
    Ports,
    Workers,
    backend,
    dagster,
    environment,
    gateway,
    mlflow,
    postgres,
    publisher,
    slots,
    worker,
)
from training.data.settings import DataSettings

_DWELL_S = 5
_GIVE_UP_S = {True: 720.0, False: 240.0}  # a sound version has to go all the way
_OVER = ("rolled_back", "promoted")
_RAMP = text("SELECT state, step, why FROM ramps WHERE task = :task AND version = :version")
_HARMED = text("SELECT count(*) FROM exposures WHERE task = :task AND version = :version")
_COMPARED = text(
    "SELECT count(*) FROM ramp_inputs WHERE task = :task AND version = :version "
    "AND record ->> 'kind' = 'listing'"
)
_GONE = text("SELECT count(*) FROM slots WHERE task = :task AND slot = 'challenger'")


@dataclass(frozen=True)
class Outcome:
    """What became of a version.

    Attributes
    ----------
    step : the ramp's, by name
    seconds : from the edit of the alias to the end of the ramp
    harmed : listings that it answered
    latencies : ms of what the champion alone answered meanwhile
    """

    state: str
    step: str
    why: str
    seconds: float
    listings: int
    harmed: int
    latencies: list[float] = field(repr=False)


class GameDay:
    """A studio under steady traffic."""

    def __init__(self, home: Path, seed: int, rate: float, say: Callable[[str], None]) -> None:
        self._seed, self._rate, self._say = seed, rate, say
        self._rules = write_rules(home / "ramps")
        self._ports = Ports(
            gateway_port=free_port(), mlflow_port=free_port(), dagster_port=free_port()
        )
        self._registry = f"http://127.0.0.1:{self._ports.mlflow_port}"
        self._backend_port = free_port()
        self.settings = Settings(
            studio_home=home / "studio",
            mlflow_tracking_uri=self._registry,
            backend_url=f"http://127.0.0.1:{self._backend_port}",
            ramp_rules=self._rules,
        )
        self.traffic: Traffic
        self._client: MlflowClient
        self._engine: Engine

    @contextmanager
    def running(self) -> Iterator["GameDay"]:
        """Run the studio and the traffic."""
        settings, ports = self.settings, self._ports
        programs = [
            *postgres(settings),
            mlflow(ports),
            publisher(),
            gateway(ports),
            slots(),
            *worker(Workers(workers=1)),
            *dagster(ports, settings),
            backend(settings, self._backend_port),
        ]
        env = environment(settings) | callback_environment(settings)
        env |= {"MLFLOW_TRACKING_URI": self._registry, "RAMP_RULES": str(self._rules)}
        with Stack(settings, programs, env, say=self._say).running(prepare=prepare):
            self._client, self._engine = open_client(settings), open_engine(settings)
            url, key = f"http://127.0.0.1:{ports.gateway_port}", create_key(self._engine, "backend")
            wait_for_starter(url, key)
            storage = storage_of(settings)
            with Traffic(url, key, storage, find_photos(), self._rate, self._seed) as self.traffic:
                yield self

    def settings_difference(self) -> str:
        """Return how the ramp's rules differ from the shipped ones."""
        before, after = (
            (folder / "common.yaml").read_text().splitlines() for folder in (FOLDER, self._rules)
        )
        lines = [line for line in unified_diff(before, after, lineterm="", n=0) if "dwell" in line]
        return "settings that differ from the shipped ones:\n  " + "\n  ".join(lines)

    def try_version(self, version: Version) -> Outcome:
        """Make a version the challenger and do nothing more; return what became of it."""
        number = add_version(self._client, self.settings, version.make(starter()), version.name)
        since = time.perf_counter()
        self._client.set_registered_model_alias(TASK, CHALLENGER, number)
        found = self._wait(number, since + _GIVE_UP_S[version.sound])
        until = time.perf_counter()
        outcome = Outcome(
            *found,
            seconds=until - since,
            listings=self._count(_COMPARED, number),
            harmed=self._count(_HARMED, number),
            latencies=self.traffic.latencies(since, until),
        )
        self._clear(number)
        return outcome

    def _wait(self, number: str, until: float) -> tuple[str, str, str]:
        names = [s["name"] for s in yaml.safe_load((FOLDER / "common.yaml").read_text())["steps"]]
        found, seen = ("absent", "none", ""), ""
        while time.perf_counter() < until:
            with self._engine.connect() as connection:
                row = connection.execute(_RAMP, {"task": TASK, "version": number}).one_or_none()
            if row is not None:
                found = (row.state, names[row.step], row.why)
                if row.state in _OVER:
                    return found
                if found[1] != seen:
                    self._say(f"    version {number}: {found[1]} ({row.state}: {row.why})")
                    seen = found[1]
            time.sleep(0.25)
        return found

    def _count(self, query: Any, number: str) -> int:  # noqa: ANN401 - a statement
        with self._engine.connect() as connection:
            return connection.scalar(query, {"task": TASK, "version": number}) or 0

    def _clear(self, number: str) -> None:
        """Take a version that nothing took back away, so that the next one can come."""
        until = time.perf_counter() + 30
        while self._count(_GONE, number) and time.perf_counter() < until:
            alias = self._client.get_registered_model(TASK).aliases.get(CHALLENGER)
            if alias is not None and time.perf_counter() > until - 20:
                self._client.delete_registered_model_alias(TASK, CHALLENGER)
            time.sleep(0.25)


def write_rules(folder: Path) -> Path:
    """Write the shipped rules of ramps, with steps that last seconds; return the folder."""
    folder.mkdir(parents=True)
    for file in FOLDER.glob("*.yaml"):
        lines = file.read_text().splitlines(keepends=True)
        short = [_shorten(line) for line in lines]
        (folder / file.name).write_text("".join(short))
    return folder


def _shorten(line: str) -> str:
    name, colon, _ = line.partition(":")
    return f"{name}: {_DWELL_S}\n" if colon and name.strip() == "dwell_s" else line


def find_photos() -> list[Path]:
    """Return photos of homes: those of STUDIO_DATA, else the sample listing's."""
    data = DataSettings().studio_data
    folder = Path(data) / "rooms" / "houses" if data else ROOT / "datasets" / "sample_listing"
    return sorted(folder.rglob("*.jpg"))


def add_version(client: MlflowClient, settings: Settings, model: bytes, name: str) -> str:
    """Register a version that the gates let pass, whatever it is like; return its number."""
    card = ModelCard.model_validate_json((STARTERS / TASK / "card.json").read_bytes())
    run = client.create_run(open_experiment(client, settings, TASK), run_name=name)
    version = register(client, run.info.run_id, model, card)
    client.set_terminated(run.info.run_id)
    tag_verdict(client, TASK, version, Verdict(passed=True, gates_digest=digest_of(standard(TASK))))
    client.set_model_version_tag(TASK, version, TEST_SET, str(standard_test_set(TASK)))
    return version
