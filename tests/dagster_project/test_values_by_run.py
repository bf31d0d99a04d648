"""Two runs at once never read each other's values, in a folder and in a bucket."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from dagster_project.values_by_run import BucketByRun, FolderByRun


@dg.asset
def trained() -> str:
    raise AssertionError("each test puts its own in its place")


def make(value: str) -> dg.AssetsDefinition:
    @dg.asset(name="trained")
    def made() -> str:
        return value

    return made


@dg.asset
def judged(trained: str) -> str:
    return f"judged {trained}"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(params=["folder", "bucket"])
def io_manager(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "folder":
        return FolderByRun(base_dir=str(tmp_path))
    bucket = request.getfixturevalue("bucket")
    return BucketByRun(s3_resource=S3Resource(), s3_bucket=bucket, s3_prefix="studio/dagster")


def materialize(
    assets: list[dg.AssetsDefinition], io_manager: object, instance: dg.DagsterInstance, only: str
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        assets,
        selection=only,
        resources={"io_manager": io_manager},
        instance=instance,
        raise_on_error=False,
    )


def test_a_run_reads_what_it_made_although_another_was_faster(
    io_manager: object, instance: dg.DagsterInstance
) -> None:
    @dg.asset(name="trained")
    def slow() -> str:
        return "mine"

    @dg.asset(deps=["trained"])
    def meanwhile() -> None:
        """Another run trains between this one's training and its judging."""
        assert materialize([make("theirs")], io_manager, instance, "trained").success

    @dg.asset(deps=["meanwhile"])
    def judged(trained: str) -> str:
        return f"judged {trained}"

    result = materialize([slow, meanwhile, judged], io_manager, instance, "*")
    assert result.output_for_node("judged") == "judged mine"


def test_an_asset_alone_reads_the_latest_materialization(
    io_manager: object, instance: dg.DagsterInstance
) -> None:
    for value in ("first", "second"):
        assert materialize([make(value)], io_manager, instance, "trained").success
    result = materialize([make("unused"), judged], io_manager, instance, "judged")
    assert result.output_for_node("judged") == "judged second"


def test_a_run_started_again_goes_on_from_its_own_values(
    io_manager: object, instance: dg.DagsterInstance
) -> None:
    broken = {"yes"}

    @dg.asset
    def judged(trained: str) -> str:
        if broken:
            raise ValueError("the disk was full")
        return f"judged {trained}"

    assets = [make("mine"), judged]
    defs = dg.Definitions(assets, resources={"io_manager": io_manager})
    job = defs.resolve_implicit_global_asset_job_def()
    first = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not first.success
    assert materialize([make("theirs")], io_manager, instance, "trained").success
    broken.clear()
    again = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("judged")],
        tags={"dagster/parent_run_id": first.run_id},
        raise_on_error=False,
    )
    assert again.output_for_node("judged") == "judged mine"


def test_a_value_that_nobody_made_is_named(
    io_manager: object, instance: dg.DagsterInstance
) -> None:
    result = materialize([trained, judged], io_manager, instance, "judged")
    assert not result.success
    (failed,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    assert "no value of 'trained' is kept" in str(failed.event_specific_data)


def test_only_the_newest_values_are_kept(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    manager = FolderByRun(base_dir=str(tmp_path))
    for number in range(13):
        assert materialize([make(str(number))], manager, instance, "trained").success
    assert len(list((tmp_path / "trained").iterdir())) == 10
    result = materialize([make("unused"), judged], manager, instance, "judged")
    assert result.output_for_node("judged") == "judged 12"
