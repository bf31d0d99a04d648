"""Dagster shows what is decided about versions, without a run, and people act on it there."""

import time
from collections.abc import Sequence

import dagster as dg
import pytest
from sqlalchemy import Engine, insert, select

from dagster_project.definitions import definitions
from dagster_project.defs.canary.ramps import ramp_definitions
from dagster_project.studio import Studio
from serving.db.canary_tables import Ramp, RampDecision
from serving.db.tables import Job, Json, Slot
from tests.dagster_project.conftest import KEY
from tests.fakes import TASK
from training.room_classifier.recipe import ROOMS

RAMP = dg.AssetKey([KEY, "ramp"])
VERDICT: Json = {
    "harm": 250.0,
    "worst": {"metric": "disagreement", "group": "kitchen|*", "mean": 0.9, "ceiling": 0.1,
              "seen": 18, "log10": 2.4},
    "log10": {"disagreement": 2.4, "error": -0.3},
    "unproven": [], "srm": 1.0, "listings": 18, "answered": 0,
}  # fmt: skip


def decide(engine: Engine, decision: str, why: str = "because", **changes: object) -> None:
    row = {"task": TASK, "version": "2", "decision": decision, "by": "guard", "step": 1,
           "why": why, "details": {"weight": 5.0, "verdict": VERDICT}, "through_id": 0}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(RampDecision).values(row | changes))


def put_beside(engine: Engine, **changes: object) -> None:
    """Let version 2 answer beside the champion as the publisher would."""
    row = {"task": TASK, "slot": "challenger", "version": "2", "model_sha256": "a" * 64,
           "card_sha256": "b" * 64, "mode": "canary", "weight": 5.0, "salt": "2-a"}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(Slot).values(row | changes))


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """Evaluate the sensor as the daemon does, and keep its events as the daemon would."""
    (sensor,) = ramp_definitions(ROOMS).sensors or []
    assert isinstance(sensor, dg.SensorDefinition)
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"studio": Studio()}
    )
    found = sensor(context)
    assert isinstance(found, dg.SensorResult)
    for event in found.asset_events:
        instance.report_runless_asset_event(event)
    return found


def observed(instance: dg.DagsterInstance) -> Sequence[dg.AssetObservation]:
    records = instance.fetch_observations(RAMP, limit=100, ascending=True).records
    return [record.asset_observation for record in records if record.asset_observation]


def checks_of(found: dg.SensorResult) -> list[tuple[str, bool]]:
    return [
        (event.check_name, event.passed)
        for event in found.asset_events
        if isinstance(event, dg.AssetCheckEvaluation)
    ]


@pytest.mark.usefixtures("studio")
def test_every_decision_is_observed_once_with_why_and_evidence_and_no_run(
    engine: Engine,
) -> None:
    decide(engine, "begin", "It begins in shadow.")
    decide(engine, "hold", "12 of 50 listings were compared.")
    decide(engine, "begin", task="photo-quality")
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        decide(engine, "roll_back", "90 % of the photos of kitchen get another answer.")
        second = tick(instance, first.cursor)
        third = tick(instance, second.cursor)
        shown = observed(instance)
        assert instance.get_runs() == []
    assert [one.description for one in shown] == [
        "It begins in shadow.",
        "12 of 50 listings were compared.",
        "90 % of the photos of kitchen get another answer.",
    ]
    assert third.asset_events == []
    assert (third.cursor, third.run_requests) == (second.cursor, [])
    assert checks_of(first) == [("not_rolled_back", True), ("needs_no_person", True)]
    assert checks_of(second) == [("not_rolled_back", False), ("needs_no_person", True)]
    values = {name: value.value for name, value in shown[-1].metadata.items()}
    assert values["weight"] == 5.0
    assert values["log10 evidence"] == 2.4
    assert values["listings"] == 18
    table = str(values["evidence"])
    assert "| disagreement | +2.40 | kitchen\\|\\* | 0.9000 | 0.1000 | 18 |" in table
    assert table.index("disagreement") < table.index("error"), "what speaks most against it first"


@pytest.mark.usefixtures("studio")
def test_decisions_are_shown_while_mlflow_is_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    decide(engine, "roll_back", "too many errors")
    with dg.DagsterInstance.ephemeral() as instance:
        began = time.monotonic()
        tick(instance)
        assert [one.description for one in observed(instance)] == ["too many errors"]
    assert time.monotonic() - began < 100, "a tick has a minute, MLflow's client would take two"


@pytest.mark.usefixtures("studio")
def test_a_promoted_version_is_baked_into_the_bentos_once(engine: Engine) -> None:
    decide(engine, "promoted", "It passed every step.")
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        again = tick(instance, None)  # the cursor was lost with Dagster's own database
    (request,) = first.run_requests or []
    assert [one.run_key for one in again.run_requests or []] == [request.run_key]
    assert request.run_key is not None
    assert request.run_key.startswith(f"{TASK}-promoted-")


@pytest.mark.usefixtures("studio")
def test_a_version_that_is_taken_back_stays_so_until_another_begins(engine: Engine) -> None:
    decide(engine, "begin")
    decide(engine, "roll_back", "too many errors")
    decide(engine, "withdraw", "its alias was taken away")
    assert _run_checks() == {"not_rolled_back": False, "needs_no_person": True}
    decide(engine, "begin", version="3")
    decide(engine, "wait", "an approval is missing", version="3")
    assert _run_checks() == {"not_rolled_back": True, "needs_no_person": False}


def _run_checks() -> dict[str, bool]:
    checks = dg.AssetSelection.checks_for_assets(RAMP)
    job = dg.define_asset_job("look", selection=checks)
    loaded = dg.Definitions.merge(definitions(), dg.Definitions(jobs=[job]))
    result = loaded.resolve_job_def("look").execute_in_process()
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def run_job(name: str, op: str, **config: str) -> dg.ExecuteInProcessResult:
    job = definitions().resolve_job_def(name)
    return job.execute_in_process(
        run_config={"ops": {op: {"config": {"task": TASK} | config}}}, raise_on_error=False
    )


@pytest.mark.usefixtures("studio")
def test_a_person_stops_a_version_and_what_it_answered_is_recalled(engine: Engine) -> None:
    nothing = run_job("stop_ramp", "stop_version", reason="no reason")
    assert not nothing.success, "there is nothing beside the champion"
    put_beside(engine)
    assert run_job("stop_ramp", "stop_version", reason="kitchens became pools", by="ann").success
    with engine.connect() as connection:
        row = connection.execute(select(Slot).where(Slot.slot == "challenger")).one()
        (decided,) = connection.execute(
            select(RampDecision).where(RampDecision.decision == "roll_back")
        ).all()
    assert "kitchens became pools" in row.stopped
    assert (decided.by, decided.version) == ("ann", "2")
    assert run_job("recall_version", "recall_answers", version="2").success
    with engine.connect() as connection:
        kinds = set(connection.scalars(select(Job.type)))
    assert kinds == {"recall_version"}


@pytest.mark.usefixtures("studio")
def test_a_ramp_is_paused_and_resumed_by_jobs(engine: Engine) -> None:
    from registry.evidence import start
    from registry.ramp.rules import read_rules

    put_beside(engine)
    rules = read_rules(TASK)
    row = {"task": TASK, "version": "2", "slot": "challenger", "champion": "1", "seen": {},
           "settings": rules.model_dump(mode="json"), "weight": 5.0, "mode": "canary",
           "evidence": start(rules, None).as_json(), "cursors": {}}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(Ramp).values(row))

    def state() -> str | None:
        with engine.connect() as connection:
            return connection.scalar(select(Ramp.state))

    assert run_job("pause_ramp", "pause_version", reason="a fair this weekend").success
    assert state() == "paused"
    assert run_job("resume_ramp", "resume_version").success
    assert state() == "running"
    assert not run_job("resume_ramp", "resume_version").success, "it is not paused"


@pytest.mark.usefixtures("studio")
def test_a_ramp_is_approved_by_a_job() -> None:
    assert not run_job("approve_ramp", "approve_version").success, "nothing is there to approve"
    client = Studio().registry()
    client.create_registered_model(TASK)
    client.create_model_version(TASK, "somewhere")
    client.set_registered_model_alias(TASK, "challenger", "1")
    assert run_job("approve_ramp", "approve_version", by="ann").success
    assert client.get_model_version(TASK, "1").tags["approval"] == "approved"
