import pytest
from sqlalchemy import Engine

from registry.ramp.__main__ import main
from registry.ramp.guard import guard
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode, read_slots
from serving.settings import Settings
from tests.fakes import TASK
from tests.registry.ramp.conftest import NEW, BeginRamp, Traffics


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("STUDIO_HOME", str(settings.home()))


def test_a_person_stops_a_version_without_mlflow_and_hears_if_there_is_none(
    engine: Engine, begin_ramp: BeginRamp, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_ramp(Mode.CANARY, 5.0)
    assert main(["status"]) == 0
    assert f"version {NEW} is paused at the step five (canary, 5 %)" in capsys.readouterr().out
    for _ in range(2):
        assert main(["stop", TASK, "--reason", "kitchens became pools"]) == 0
    assert read_slots(engine)[TASK, CHALLENGER].stopped == "kitchens became pools"
    assert main(["stop", "beat-tracker", "--reason", "x"]) == 1
    assert "beat-tracker does not have" in capsys.readouterr().err


def test_explain_says_by_its_exit_code_whether_all_comes_out_the_same(
    engine: Engine, begin_ramp: BeginRamp, traffic: Traffics, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_ramp()
    traffic.pair([f"house-{number}" for number in range(60)], agrees=False, distance=0.9)
    guard(engine)
    assert main(["explain", TASK, NEW]) == 0
    assert "1 of 1 decisions come out the same" in capsys.readouterr().out
    assert main(["explain", TASK, "77"]) == 1
