"""Which versions stand beside the champions, and from when on."""

from dataclasses import replace
from pathlib import Path

import pytest

from serving import metrics
from serving.models.local import ModelVersion
from serving.models.routes import Routes
from serving.models.slots import Mode, Published, Slots
from serving.storage.interface import Storage
from serving.storage.objects import open_storage, write_by_sha256
from serving.storage.prefixes import MODELS
from tests.fakes import TASK, colour_card


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "objects").as_uri())


class Table:
    """What `slots` says, changed as the publisher changes it."""

    def __init__(self, storage: Storage) -> None:
        card = write_by_sha256(storage, MODELS, colour_card().model_dump_json().encode())
        self.clock = Clock()
        self.routes = Routes(storage, 2.5, self.clock)
        self._row = Published(TASK, "champion", "1", "1" * 64, card)

    def say(
        self,
        champion: str = "1",
        weight: float | None = None,
        earlier: tuple[tuple[float, float], ...] = (),
        **row: object,
    ) -> None:
        """Tell the routes of a row; `earlier`: weights, and how many seconds ago each ended."""
        slots: dict[tuple[str, str], Published] = {
            (TASK, "champion"): self._version(champion, "champion")
        }
        if weight is not None:
            ended = tuple((before, self.clock.now - age_s) for before, age_s in earlier)
            beside = replace(self._version("2", "challenger"), weight=weight, salt="2-a")
            slots[TASK, "challenger"] = replace(beside, earlier=ended, **row)  # type: ignore[arg-type]
        self.apply(slots)

    def apply(self, slots: Slots) -> None:
        self.routes.apply(slots)

    def weight(self) -> float | None:
        route = self.routes.of(TASK)
        return None if route is None else sum(arm.weight for arm in route.route.arms)

    def _version(self, version: str, slot: str) -> Published:
        return replace(self._row, slot=slot, version=version, model_sha256=version * 64)


@pytest.fixture
def table(storage: Storage) -> Table:
    return Table(storage)


def test_more_traffic_begins_everywhere_at_the_same_moment(table: Table, storage: Storage) -> None:
    other = Table(storage)
    other.clock = table.clock
    other.routes = Routes(storage, 2.5, table.clock)
    for one in (table, other):
        one.say(weight=5)
    table.say(weight=25, earlier=((5, 0.0),))
    table.clock.now += 1.5
    other.say(weight=25, earlier=((5, 1.5),))
    assert (table.weight(), other.weight()) == (5, 5)
    table.clock.now += 0.9
    table.say(weight=25, earlier=((5, 2.4),))  # a look in between changes nothing
    assert (table.weight(), other.weight()) == (5, 5)
    table.clock.now += 0.2
    assert (table.weight(), other.weight()) == (25, 25)


def test_a_process_that_starts_waits_for_more_traffic_as_the_others_do(table: Table) -> None:
    table.say(weight=25, earlier=((5, 1.5),))
    assert table.weight() == 5
    table.clock.now += 1.1
    assert table.weight() == 25


def test_a_raise_that_is_soon_followed_by_another_holds_when_it_would_have_alone(
    table: Table, storage: Storage
) -> None:
    late = Table(storage)
    late.clock = table.clock
    late.routes = Routes(storage, 2.5, table.clock)
    for one in (table, late):
        one.say(weight=25, earlier=((5, 0.0),))
    table.clock.now += 1.0
    table.say(weight=50, earlier=((5, 1.0), (25, 0.0)))  # `late` has not heard of it yet
    assert (table.weight(), late.weight()) == (5, 5)
    table.clock.now += 1.6
    assert (table.weight(), late.weight()) == (25, 25)
    late.say(weight=50, earlier=((5, 2.6), (25, 1.6)))
    table.clock.now += 1.0
    assert (table.weight(), late.weight()) == (50, 50)


@pytest.mark.parametrize(
    "row", [{"weight": 1.0}, {"weight": 25.0, "mode": Mode.OFF}, {"weight": 25.0, "stopped": "bad"}]
)
def test_less_traffic_holds_at_once(table: Table, row: dict[str, object]) -> None:
    table.say(weight=25)
    table.say(**row)  # type: ignore[arg-type]
    assert (table.weight() or 0) <= 1


def test_less_traffic_holds_at_once_also_while_more_was_to_come(table: Table) -> None:
    table.say(weight=5)
    table.say(weight=25, earlier=((5, 0.0),))
    table.say(weight=0)
    table.clock.now += 10
    assert table.weight() == 0


def test_another_version_takes_over_no_listings_before_every_process_knows_it(table: Table) -> None:
    table.say(weight=50)
    table.say(weight=50, version="3", earlier=((0, 0.0),))
    assert table.weight() == 0
    table.clock.now += 2.6
    assert table.weight() == 50


def test_a_promoted_version_answers_in_its_old_slot_until_all_have_it_as_champion(
    table: Table,
) -> None:
    table.say(weight=100)
    table.say(champion="2")
    assert table.weight() == 100
    table.clock.now += 5.1
    assert table.routes.of(TASK) is None


def test_a_champion_that_changes_while_more_traffic_is_to_come_is_told_at_once(
    table: Table,
) -> None:
    table.say(weight=25, earlier=((5, 0.0),))
    table.say(champion="3", weight=25, earlier=((5, 0.0),))
    for weight in (5, 25):
        route = table.routes.of(TASK)
        assert route is not None
        assert (route.champion, table.weight()) == ("3", weight)
        table.clock.now += 2.6


def test_a_version_that_vanishes_otherwise_is_asked_no_more(table: Table) -> None:
    table.say(weight=100)
    table.say(champion="1")
    assert table.routes.of(TASK) is None


def test_a_version_whose_card_cannot_be_read_has_its_listings_and_no_version(
    table: Table,
) -> None:
    table.say(weight=5, card_sha256="f" * 64)
    route = table.routes.of(TASK)
    assert route is not None
    assert (table.weight(), route.versions) == (5, {})


def test_who_stands_where_is_measured(table: Table) -> None:
    def info(version: str) -> float | None:
        labels = {"task": TASK, "slot": "challenger", "version": version}
        return metrics.REGISTRY.get_sample_value("studio_slot_info", labels)

    table.say(weight=5)
    found = metrics.REGISTRY.get_sample_value("studio_canary_weight_ratio", {"task": TASK})
    assert (info("2"), found) == (1, 0.05)
    table.say()
    found = metrics.REGISTRY.get_sample_value("studio_canary_weight_ratio", {"task": TASK})
    assert (info("2"), found) == (None, 0)


def test_which_version_is_in_a_slot_is_known_at_once(table: Table) -> None:
    table.say(weight=5)
    route = table.routes.of(TASK)
    assert route is not None
    version: ModelVersion = route.versions["challenger"]
    assert table.routes.runs(TASK, version)
    table.say(weight=5, stopped="it broke")
    assert not table.routes.runs(TASK, version)
    table.say(champion="2")
    assert table.routes.is_champion(TASK, version)
