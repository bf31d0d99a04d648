"""What people do about a ramp in Dagster's pages; the same commands are in `registry.ramp`."""

import dagster as dg
from pydantic import Field

from dagster_project.batches.run import final_errors
from dagster_project.studio import Studio
from registry.experiments.page import render_report
from registry.experiments.store import look, stop
from registry.ramp.steps import pause, resume
from registry.release import approve
from serving.jobs.recall import recall
from serving.models.routing import CHALLENGER
from serving.operations.rollback import roll_back

_TASK = Field(description="the registered model's name in MLflow")


class OfRamp(dg.Config):
    """Which ramp, and who asks."""

    task: str = _TASK
    by: str = Field("Dagster", description="who asks for it, kept with the decision")


class Because(OfRamp):
    """Which ramp, who asks, and why."""

    reason: str = Field(min_length=1, description="kept with the decision, and told in the alert")


class OfVersion(dg.Config):
    """One version of a task."""

    task: str = _TASK
    version: str = Field(description="its number in MLflow")


class OfExperiment(dg.Config):
    """An A/B experiment."""

    name: str = Field(pattern=r"^[\w.-]+$", description="as it was started")
    stop_if_decided: bool = Field(
        default=False, description="whether its arms end where its rule has decided"
    )


@dg.op
def stop_version(context: dg.OpExecutionContext, config: Because, studio: Studio) -> None:
    """Take the version beside the champion back; what it answered is answered again."""
    with final_errors():
        done = roll_back(studio.engine(), config.task, CHALLENGER, config.reason, config.by)
    context.log.info("%s: version %s is taken back", done.task, done.version)


@dg.op
def pause_version(context: dg.OpExecutionContext, config: Because, studio: Studio) -> None:
    """Leave the version beside the champion the traffic that it has."""
    with final_errors():
        done = pause(studio.engine(), config.task, config.by, config.reason)
    context.log.info("%s version %s: %s", done.task, done.version, done.why)


@dg.op
def resume_version(context: dg.OpExecutionContext, config: OfRamp, studio: Studio) -> None:
    """Let a paused ramp go on from the step that its weight has reached."""
    with final_errors():
        done = resume(studio.engine(), config.task, config.by)
    context.log.info("%s version %s: %s", done.task, done.version, done.why)


@dg.op
def approve_version(context: dg.OpExecutionContext, config: OfRamp, studio: Studio) -> None:
    """Allow the steps of the ramp for which a person is asked."""
    with final_errors():
        version = approve(studio.registry(), config.task)
    context.log.info("%s version %s is approved by %s", config.task, version, config.by)


@dg.op
def recall_answers(context: dg.OpExecutionContext, config: OfVersion, studio: Studio) -> None:
    """Have everything that a version answered answered again by the champion."""
    for job_id in recall(studio.engine(), config.task, config.version):
        context.log.info("job %s lists the listings of version %s", job_id, config.version)


@dg.op
def report_experiment(
    context: dg.OpExecutionContext, config: OfExperiment, studio: Studio
) -> dg.Output[str]:
    """Say what an A/B experiment has found; its page is a file that loads nothing."""
    with final_errors():
        kept = look(studio.engine(), config.name)
        if config.stop_if_decided and kept.report.decided:
            kept = stop(studio.registry(), studio.engine(), config.name, kept.report.verdict)
    page = studio.folder("experiments") / f"{config.name}.html"
    page.write_text(
        render_report(kept.report, kept.design, kept.state, kept.started_at, kept.why), "utf-8"
    )
    metadata: dict[str, dg.RawMetadataValue] = {
        "report": dg.MetadataValue.md(kept.report.as_markdown()),
        "page": dg.MetadataValue.path(str(page)),
        "state": kept.state,
    }
    context.log_event(
        dg.AssetObservation(
            ["experiments", config.name], description=kept.report.verdict, metadata=metadata
        )
    )
    return dg.Output(kept.report.verdict, metadata=metadata)


@dg.job
def experiment_report() -> None:
    """Say what an A/B experiment has found so far, as an observation of `experiments/NAME`."""
    report_experiment()


@dg.job
def stop_ramp() -> None:
    """Take the version beside the champion back; what it answered is answered again."""
    stop_version()


@dg.job
def pause_ramp() -> None:
    """Leave the version beside the champion the traffic that it has, until it is resumed."""
    pause_version()


@dg.job
def resume_ramp() -> None:
    """Let a paused ramp go on from the step that its weight has reached."""
    resume_version()


@dg.job
def approve_ramp() -> None:
    """Allow the steps of a ramp for which a person is asked."""
    approve_version()


@dg.job
def recall_version() -> None:
    """Have everything that a version answered answered again by the champion."""
    recall_answers()
