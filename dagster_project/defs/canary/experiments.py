"""Each morning a report of every A/B experiment that is running."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.defs.canary.jobs import experiment_report
from dagster_project.studio import Studio
from registry.experiments.store import list_running


@dg.schedule(
    job=experiment_report,
    cron_schedule="0 6 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Reports of all A/B experiments that are running.",
)
def experiment_reports(
    context: dg.ScheduleEvaluationContext, studio: Studio
) -> Iterator[dg.RunRequest]:
    """Ask for a report of each experiment."""
    day = f"{context.scheduled_execution_time:%Y-%m-%d}"
    for name in list_running(studio.engine()):
        ops = {"report_experiment": {"config": {"name": name}}}
        yield dg.RunRequest(f"{name}-{day}", run_config={"ops": ops})
