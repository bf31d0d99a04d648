"""Starts, looks at and ends experiments: rows of `experiments`, aliases and tags in MLflow."""

from dataclasses import dataclass, replace
from datetime import datetime

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from registry.admission import Admission
from registry.experiments.counts import count_arms
from registry.experiments.design import Design, ExperimentArm, StopRule
from registry.experiments.report import Report, make_report
from registry.traffic import MODE, SALT, WEIGHT
from registry.versions import CHAMPION, find_alias
from serving.db.canary_tables import Experiment, Rollback
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from serving.models.slots import read_slots

RUNNING, ENDED = "running", "ended"


def start(
    client: MlflowClient, engine: Engine, design: Design, admission: Admission | None = None
) -> None:
    """Give each arm its alias and traffic, which the publisher carries into serving.

    Raises
    ------
    BadInput
        A version may not answer, the champion is another, or the task has a challenger or another
        experiment: the versions beside a champion share the salt of its route.
    """
    admission = admission or Admission()
    _check(client, engine, design, admission)
    try:
        with engine.begin() as connection:
            made = connection.execute(
                insert(Experiment).values(**_row(design)).on_conflict_do_nothing()
            )
            if not made.rowcount:
                raise BadInput(f"there was an experiment '{design.name}' before; take another name")
            for arm in design.arms:
                _set_traffic(client, design, arm)
    except MlflowException:
        _clear(client, design)
        raise


@dataclass(frozen=True)
class Kept:
    """An experiment as it stands.

    Attributes
    ----------
    state : `running` or `ended`
    why : it was ended
    """

    design: Design
    report: Report
    state: str
    started_at: datetime
    why: str


def look(engine: Engine, name: str) -> Kept:
    """Work out what a running experiment has found, and keep it; an ended one's is as it was left.

    Raises
    ------
    BadInput
        There is no such experiment.
    """
    row = _read(engine, name)
    design = design_of(row)
    if row.state != RUNNING and row.report:
        report = Report.from_json(row.report)
    else:
        counts = count_arms(engine, design, row.started_at)
        report = make_report(design, counts, _taken_back(engine, row))
        report = _warn_of_change(engine, report, design)
        _write(engine, name, report=report.as_json())
    return Kept(design, report, row.state, row.started_at, row.why)


def stop(client: MlflowClient, engine: Engine, name: str, why: str) -> Kept:
    """End an experiment: its arms answer nobody any more, and its report is kept.

    The aliases go first: what is stopped halfway is stopped by asking again.
    """
    found = look(engine, name)
    if found.state == RUNNING:
        _clear(client, found.design)
        _write(engine, name, state=ENDED, why=why, ended_at=func.now())
    return replace(found, state=ENDED, why=why if found.state == RUNNING else found.why)


def list_running(engine: Engine) -> list[str]:
    """Return the names of the experiments that are running."""
    with engine.connect() as connection:
        names = select(Experiment.name).where(Experiment.state == RUNNING)
        return list(connection.scalars(names.order_by(Experiment.started_at)))


def design_of(row: Experiment) -> Design:
    """Return the experiment as it was started."""
    return Design.model_validate(
        {
            "name": row.name,
            "task": row.task,
            "champion": row.champion,
            "arms": row.arms,
            "metric": row.metric,
            "salt": row.salt,
            "stop": row.stop_rule,
        }
    )


def _row(design: Design) -> dict[str, object]:
    said = design.model_dump(mode="json")
    return {name: said[name] for name in ("name", "task", "champion", "arms", "metric", "salt")} | {
        "stop_rule": StopRule.model_dump(design.stop, mode="json")
    }


def _warn_of_change(engine: Engine, report: Report, design: Design) -> Report:
    """Decide nothing where the arms were compared with two champions."""
    now = read_slots(engine).get((design.task, CHAMPION))
    if now is None or now.version == design.champion:
        return report
    told = f"The champion was version {design.champion} and is {now.version}: both are compared. "
    return replace(report, decided=False, verdict=told + report.verdict)


def _taken_back(engine: Engine, row: Experiment) -> dict[str, str]:
    """Return why arms were taken back since the experiment began, by slot."""
    found = select(Rollback.slot, Rollback.reason).where(
        Rollback.task == row.task,
        Rollback.slot.in_(arm.slot for arm in design_of(row).arms),
        Rollback.at >= row.started_at,
    )
    with engine.connect() as connection:
        return {one.slot: one.reason for one in connection.execute(found)}


def _read(engine: Engine, name: str) -> Experiment:
    with Database(engine, expire_on_commit=False) as database:
        row = database.get(Experiment, name)
    if row is None:
        raise BadInput(f"there is no experiment '{name}'")
    return row


def _write(engine: Engine, name: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(update(Experiment).where(Experiment.name == name).values(**values))


def _check(client: MlflowClient, engine: Engine, design: Design, admission: Admission) -> None:
    champion = find_alias(client, design.task, CHAMPION)
    if champion != design.champion:
        raise BadInput(f"the champion of {design.task} is version {champion}")
    if (challenger := find_alias(client, design.task, CHALLENGER)) is not None:
        raise BadInput(
            f"version {challenger} is the challenger of {design.task}: wait for its ramp"
        )
    with Database(engine) as database:
        other = database.scalar(
            select(Experiment.name).where(
                Experiment.task == design.task, Experiment.state == RUNNING
            )
        )
    if other is not None:
        raise BadInput(f"the experiment '{other}' is running on {design.task}: stop it first")
    for arm in design.arms:
        refusal = admission.refusal(client.get_model_version(design.task, arm.version))
        if refusal is not None:
            raise BadInput(f"{design.task} version {arm.version} may not answer: {refusal}")


def _set_traffic(client: MlflowClient, design: Design, arm: ExperimentArm) -> None:
    # the alias last: with it the publisher looks, and then finds the tags
    for tag, value in ((WEIGHT, f"{arm.weight:g}"), (MODE, "canary"), (SALT, design.salt)):
        client.set_model_version_tag(design.task, arm.version, tag, value)
    client.set_registered_model_alias(design.task, arm.slot, arm.version)


def _clear(client: MlflowClient, design: Design) -> None:
    """Take the arms' aliases and traffic away, those that have any."""
    for arm in design.arms:
        if find_alias(client, design.task, arm.slot) is not None:
            client.delete_registered_model_alias(design.task, arm.slot)
        tags = client.get_model_version(design.task, arm.version).tags
        for tag in (WEIGHT, MODE, SALT):
            if tag in tags:
                client.delete_model_version_tag(design.task, arm.version, tag)
