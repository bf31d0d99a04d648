"""What an experiment's report says of counts."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from registry.experiments.counts import Counts
from registry.experiments.design import Design, ExperimentArm, StopRule
from registry.experiments.page import render_report
from registry.experiments.report import Report, make_report
from serving.models.routing import bucket, choose

EVEN = Design(
    name="warm-or-cold",
    task="room-classifier",
    champion="7",
    arms=(ExperimentArm(name="warm", version="8", weight=50),),
    metric="override",
    salt="warm-or-cold",
    stop=StopRule(listings=5_000),
)


def report_of(champion: tuple[int, int], *arms: tuple[int, int], design: Design = EVEN) -> Report:
    slots = ["champion", *(arm.slot for arm in design.arms)]
    counts = {slot: Counts(*said) for slot, said in zip(slots, (champion, *arms), strict=True)}
    return make_report(design, counts)


def test_a_worse_arm_is_told_by_name_with_numbers() -> None:
    report = report_of((2000, 60), (2000, 160))
    assert report.decided
    assert report.verdict.startswith("warm is worse: 8.0 % of its listings against 3.0 %")
    assert report.arms[1].ratio is not None
    assert report.arms[1].ratio.low > 1


def test_a_better_arm_is_told_so() -> None:
    assert "warm is better" in report_of((2000, 160), (2000, 60)).verdict


def test_an_experiment_without_a_difference_ends_at_its_size_and_not_before() -> None:
    assert not report_of((2000, 100), (2000, 104)).decided
    report = report_of((5000, 250), (5001, 252))
    assert report.decided
    assert report.verdict.startswith("It ends without a difference")


def test_more_arms_need_more_evidence() -> None:
    arms = tuple(ExperimentArm(name=f"a{n}", version=f"{n}", weight=25) for n in range(3))
    three = EVEN.model_copy(update={"arms": arms})
    assert report_of((2000, 60), (2000, 60), (2000, 60), (2000, 60), design=three).needed == 60


def test_nothing_is_decided_where_listings_are_not_assigned_as_the_weights_say() -> None:
    report = report_of((2400, 60), (2000, 160))
    assert (report.sound, report.decided) == (False, False)
    assert "not assigned as the weights say" in report.verdict


def test_an_experiment_without_listings_has_a_report() -> None:
    report = report_of((0, 0), (0, 0))
    assert not report.decided
    assert report.arms[1].rate.value is None
    assert Report.from_json(report.as_json()) == report
    assert "at least 0.00" in report.as_markdown()


@pytest.mark.parametrize("counts", [((0, 0), (0, 0)), ((2000, 0), (2000, 9)), ((9, 9), (9, 0))])
def test_the_page_shows_every_arm_and_loads_nothing(
    counts: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    report = report_of(*counts)
    page = render_report(report, EVEN, "running", datetime.now(UTC), "<b>why</b>")
    assert "version 8" in page
    assert "&lt;b&gt;why" in page
    assert "http" not in page
    assert "nan" not in page.lower().replace("ui-monospace", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": (ExperimentArm(name="a", version="7", weight=5),)}, "is the champion"),
        ({"arms": tuple(ExperimentArm(name=n, version=n, weight=50) for n in "ab")}, "no listings"),
        ({"arms": tuple(ExperimentArm(name=n, version="8", weight=5) for n in "ab")}, "the same v"),
        ({"arms": tuple(ExperimentArm(name="a", version=n, weight=5) for n in "89")}, "the same n"),
        ({"name": "Ärger"}, "a-z"),
    ],
)
def test_a_design_that_cannot_tell_anything_is_refused(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Design.model_validate(EVEN.model_dump() | change)


def test_arms_take_listings_in_the_order_that_serving_gives_them() -> None:
    arms = (
        ExperimentArm(name="z", version="9", weight=10),
        ExperimentArm(name="a", version="8", weight=10),
    )
    route = EVEN.model_copy(update={"arms": arms}).route
    key = next(key for key in map(str, range(1000)) if bucket(route.salt, route.task, key) < 10)
    assert choose(route, key) == "arm-a"
