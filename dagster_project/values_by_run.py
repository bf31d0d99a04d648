"""What assets hand on, kept by the run that made it: two runs at once never read each other's.

A step reads what its own run made; what that run did not make (it was started again from a failure,
or for one asset alone) comes from the runs it goes on from, else from the asset's latest
materialization, which is what Dagster's pages show.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster import UPathIOManager
from dagster._core.storage.fs_io_manager import PickledObjectFilesystemIOManager
from dagster._utils.cached_method import cached_method
from dagster_aws.s3 import S3PickleIOManager, S3Resource
from dagster_aws.s3.io_manager import PickledObjectS3IOManager

from dagster_project.models.files import keep_newest

if TYPE_CHECKING:
    from upath import UPath

_KEPT = 10  # values of an asset; those of the newest runs


class _ByRun(UPathIOManager):
    """Puts the run's id below the asset's key."""

    def get_asset_relative_path(self, context: dg.InputContext | dg.OutputContext) -> "UPath":
        """Return where a value is, or is to be."""
        folder = super().get_asset_relative_path(context)
        if context.has_asset_partitions:
            return folder
        if isinstance(context, dg.OutputContext):
            return folder / context.run_id
        return folder / self._find_run(context, folder)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:  # noqa: ANN401
        """Keep the value; those of older runs go."""
        super().handle_output(context, obj)
        if context.has_asset_key and not context.has_asset_partitions:
            self._forget_old(self._get_path_without_extension(context).parent)

    def _find_run(self, context: dg.InputContext, folder: "UPath") -> str:
        for run_id in _runs(context):
            if self.path_exists(self._base_path / folder / run_id):
                return run_id
        name = context.asset_key.to_user_string()
        raise dg.Failure(
            f"no value of '{name}' is kept; materialize it first, or together with this",
            allow_retries=False,
        )

    def _forget_old(self, folder: "UPath") -> None:
        keep_newest(Path(str(folder)), _KEPT)


def _runs(context: dg.InputContext) -> Iterator[str]:
    run_id = _run_of(context)
    while run_id is not None:
        yield run_id
        run = context.instance.get_run_by_id(run_id)
        run_id = (run.parent_run_id or run.tags.get("dagster/parent_run_id")) if run else None
    latest = context.instance.get_latest_materialization_event(context.asset_key)
    if latest is not None:
        yield latest.run_id


def _run_of(context: dg.InputContext) -> str | None:
    try:
        return str(context.step_context.run_id)
    except dg.DagsterInvariantViolationError:  # `Definitions.load_asset_value`, outside of a run
        return None


class _InFolder(_ByRun, PickledObjectFilesystemIOManager):
    pass


class _InBucket(_ByRun, PickledObjectS3IOManager):
    def _forget_old(self, folder: "UPath") -> None:
        pages = self.s3.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=f"{folder.as_posix()}/")
        items = [item for page in found for item in page.get("Contents", ())]
        items.sort(key=lambda item: item["LastModified"], reverse=True)
        for item in items[_KEPT:]:
            self.s3.delete_object(Bucket=self.bucket, Key=item["Key"])


class FolderByRun(dg.FilesystemIOManager):
    """Pickles in a folder, by asset and run."""

    def create_io_manager(
        self, context: dg.InitResourceContext
    ) -> PickledObjectFilesystemIOManager:
        """Return what reads and writes."""
        del context
        return _InFolder(base_dir=self.base_dir)  # type: ignore[no-untyped-call]


class BucketByRun(S3PickleIOManager):
    """Pickles in an S3 bucket, by asset and run."""

    @cached_method
    def inner_io_manager(self) -> PickledObjectS3IOManager:
        """Return what reads and writes."""
        client = cast("S3Resource", self.s3_resource).get_client()
        return _InBucket(self.s3_bucket, client, self.s3_prefix)
