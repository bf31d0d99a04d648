"""The ramp of every task: a sensor moves it on and shows what was decided, without a run."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.defs.canary.show import NO_PERSON, NOT_ROLLED_BACK, asset_of, events_of, judge
from dagster_project.defs.models.release import gateway_bento
from dagster_project.studio import Studio
from registry.client import FAILED
from registry.ramp.page import PAGE_FILE, log_page
from registry.ramp.states import Decided
from registry.ramp.steps import advance, decisions
from serving.errors import StudioError, first_line
from training.recipe import Recipe
from training.recipes import RECIPES

GROUP = "ramps"
_PER_TICK = 50  # decisions; the rest comes with the next tick

build_bentos = dg.define_asset_job(
    "build_bentos",
    selection=dg.AssetSelection.assets(gateway_bento),
    description="The gateway and the worker as bentos, with the versions that answer now.",
    executor_def=dg.in_process_executor,
)


def ramp_definitions(recipe: Recipe[Any]) -> dg.Definitions:
    """Return a task's ramp as Dagster has it: what is observed, its checks and its sensor."""
    observed = dg.AssetSpec(
        asset_of(recipe.key),
        group_name=GROUP,
        kinds={"mlflow", "postgres"},
        deps=[dg.AssetKey([recipe.key, "released"])],
        description="How the version beside the champion fares; an observation of each decision, "
        "with the share of listings that it answers and the evidence against it.",
    )
    return dg.Definitions(
        assets=[observed],
        asset_checks=[_checks(recipe)],
        sensors=[_sensor(recipe)],
    )


def _checks(recipe: Recipe[Any]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"{recipe.key}_ramp_checks",
        specs=[
            dg.AssetCheckSpec(
                NOT_ROLLED_BACK,
                asset=asset_of(recipe.key),
                description="The newest version beside the champion was not taken back.",
            ),
            dg.AssetCheckSpec(
                NO_PERSON,
                asset=asset_of(recipe.key),
                description="The ramp goes on by itself: nobody has to approve, resume or look.",
            ),
        ],
    )
    def ramp_checks(studio: Studio) -> Iterator[dg.AssetCheckResult]:
        yield from judge(_all(studio, recipe.name), recipe.key)

    return ramp_checks


def _all(studio: Studio, task: str) -> Iterator[Decided]:
    engine, last = studio.engine(), 0
    while some := decisions(engine, task, last):
        yield from some
        last = some[-1].id


def _sensor(recipe: Recipe[Any]) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{recipe.key}_ramp",
        job=build_bentos,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Moves the ramp of {recipe.name} on, and shows every decision about it, "
        "whoever made it. While it is off no version gets more traffic; the guard still takes "
        "bad ones back.",
    )
    def watch(context: dg.SensorEvaluationContext, studio: Studio) -> dg.SensorResult:
        """Look at the ramp once; a version that was promoted is baked into the bentos."""
        engine, last = studio.engine(), int(context.cursor or 0)
        advance(engine, recipe.name)
        made = decisions(engine, recipe.name, last, _PER_TICK)
        pages = _log_pages(context, studio, made)
        requests = [
            dg.RunRequest(f"{recipe.name}-promoted-{decided.id}")
            for decided in made
            if decided.decision == "promoted"
        ]
        skipped = None if requests else "; ".join(one.why for one in made) or "nothing is new"
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=skipped,
            cursor=str(made[-1].id if made else last),
            asset_events=[
                event
                for one in made
                for event in events_of(one, recipe.key, studio, pages.get(one.version))
            ],
        )

    return watch


def _log_pages(
    context: dg.SensorEvaluationContext, studio: Studio, made: Sequence[Decided]
) -> dict[str, str]:
    """Bring the pages of versions up to date; return their addresses, by version.

    One that cannot be kept now holds nothing up.
    """
    pages: dict[str, str] = {}
    if made and not studio.mlflow_answers():
        context.log.warning("MLflow is away; pages are made with the next decision")
        return pages
    for task, version in dict.fromkeys((one.task, one.version) for one in made):
        client = studio.registry()
        try:
            log_page(client, studio.engine(), studio.storage(), task, version)
            run_id = client.get_model_version(task, version).run_id
        except (StudioError, *FAILED) as error:
            context.log.warning(f"no page of {task} version {version}: {first_line(error)}")
            continue
        if run_id:
            pages[version] = studio.page_of_run(run_id, PAGE_FILE)
    return pages


@dg.definitions
def ramps() -> dg.Definitions:
    """Return the ramps of all recipes."""
    return dg.Definitions.merge(
        dg.Definitions(jobs=[build_bentos]), *map(ramp_definitions, RECIPES)
    )
