"""From a judged version to what answers: beside the champion, promotion, the bento."""

import os
import subprocess
import sys
from typing import Any

import dagster as dg
from pydantic import Field

from dagster_project.models import show
from dagster_project.models.values import Registered
from dagster_project.studio import Studio
from registry.promote import promote, roll_back
from registry.publish import Publisher
from registry.release import release
from serving.models.routing import CHAMPION
from serving.models.slots import read_slots
from training.recipe import Recipe
from training.recipes import RECIPES

RELEASE = "release"


def release_asset(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    """Return the asset that lets a recipe's judged version prove itself, or answer."""

    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"mlflow", "postgres"},
        ins={"registered_version": dg.AssetIn(key_prefix=recipe.key)},
    )
    def released(studio: Studio, registered_version: Registered) -> dg.MaterializeResult[str]:
        """The version beside the champion, whose ramp begins; the champion where there is none."""
        task, version = registered_version.task, registered_version.version
        found = release(studio.registry(), studio.engine(), task, version, studio.admission())
        publish(studio)
        return dg.MaterializeResult(
            value=version,
            metadata={
                "version": version,
                "slot": found.slot or "it waits",
                "why": found.why,
                "MLflow version": show.link(studio.page_of_version(task, version)),
            },
        )

    return released


@dg.asset(
    group_name=RELEASE,
    kinds={"bentoml"},
    pool="bento",
    deps=[dg.AssetKey([recipe.key, "released"]) for recipe in RECIPES],
)
def gateway_bento(studio: Studio) -> dg.MaterializeResult[str]:
    """The gateway as a bento, with all published versions baked in, and its sibling, the worker."""
    command = [sys.executable, "-m", "bentos.build"]
    env = os.environ | studio.environment()
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        error = {"error": dg.MetadataValue.text(done.stderr)}
        raise dg.Failure(f"the bento was not built: {said}", error)
    worker, gateway = done.stdout.split()[-2:]
    published = read_slots(studio.engine()).items()
    versions = {task: row.version for (task, slot), row in published if slot == CHAMPION}
    metadata = {
        "bento": gateway,
        "worker's bento": worker,
        **{f"version of {task}": version for task, version in versions.items()},
    }
    return dg.MaterializeResult(value=gateway, metadata=metadata)


class Promotion(dg.Config):
    """Which version is to answer."""

    task: str = Field(description="the registered model's name in MLflow")
    version: str = Field(description="its number; it must have passed the standard gates")


class Rollback(dg.Config):
    """Why the champion has to go."""

    task: str = Field(description="the registered model's name in MLflow")
    reason: str = Field(description="kept on the version that goes, for whoever wonders later")


@dg.op
def promote_version(context: dg.OpExecutionContext, config: Promotion, studio: Studio) -> None:
    """Make a version that passed its gates the champion."""
    promote(studio.registry(), config.task, config.version, studio.admission())
    publish(studio)
    context.log.info("%s: version %s is the champion", config.task, config.version)


@dg.op
def roll_back_version(context: dg.OpExecutionContext, config: Rollback, studio: Studio) -> None:
    """Make the champion before this one answer again."""
    version = roll_back(studio.registry(), config.task, config.reason, studio.admission())
    publish(studio)
    context.log.info("%s: back to version %s", config.task, version)


@dg.job(name="promote")
def promote_job() -> None:
    """Make a version that passed its gates the champion."""
    promote_version()


@dg.job(name="roll_back")
def roll_back_job() -> None:
    """Make the champion before this one answer again."""
    roll_back_version()


def publish(studio: Studio) -> None:
    """Do one publisher's round now, instead of waiting for the publisher's next."""
    publisher(studio).publish()


def publisher(studio: Studio) -> Publisher:
    """Return the studio's publisher."""
    return Publisher(studio.registry(), studio.engine(), studio.storage(), studio.admission())
