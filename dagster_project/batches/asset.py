"""An asset that is a day's batch of jobs, made by the usual workers, and the job that runs it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dagster as dg

from dagster_project.batches.bulk import BulkJob, Outcome
from dagster_project.batches.metadata import PageOf, all_completed
from dagster_project.batches.run import (
    COMPLETED,
    DAYS,
    JOB_TAGS,
    RETRIES,
    Batch,
    fail_if_short,
    final_errors,
    run_batch,
)
from dagster_project.studio import Studio
from serving.storage.interface import Storage

C = TypeVar("C", bound=Batch)
Check = Callable[[Sequence[Outcome]], dg.AssetCheckResult]


@dataclass(frozen=True)
class BatchKind(Generic[C]):
    """What differs between batches: what is asked for, and how what became of it is shown.

    Attributes
    ----------
    name : of the asset
    kinds : with what it is made, as Dagster's pages show it
    read : returns the jobs that the file of a day asks for; BadInput
    metadata : returns what the asset shows of the jobs' ends
    checks : what each says if it passes, by its function, whose name is the check's; that every
        job was completed is checked of all batches
    config : how a batch is run
    """

    name: str
    description: str
    group: str
    kinds: frozenset[str]
    read: Callable[[Studio, str, C], list[BulkJob]]
    metadata: Callable[[Sequence[Outcome], Storage, PageOf], Mapping[str, dg.MetadataValue]]
    checks: Mapping[Check, str]
    config: type[C]


def batch_asset(kind: BatchKind[C]) -> dg.AssetsDefinition:
    """Return the asset: its jobs go into the workers' queue behind what people wait for."""
    specs = {"all_completed": COMPLETED}
    specs |= {check.__name__: says for check, says in kind.checks.items()}

    def make(
        context: dg.AssetExecutionContext, config: Batch, studio: Studio
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
        assert isinstance(config, kind.config)
        settings = studio.settings()
        with final_errors():
            jobs = kind.read(studio, context.partition_key, config)
            made = run_batch(context, studio, config.rules(settings), jobs)
        yield dg.MaterializeResult(
            metadata=kind.metadata(made, studio.storage(), config.pages(settings)),
            check_results=[all_completed(made), *(check(made) for check in kind.checks)],
        )
        fail_if_short(made)

    make.__annotations__["config"] = kind.config  # Dagster reads the form of the configuration here
    return dg.asset(
        name=kind.name,
        description=kind.description,
        group_name=kind.group,
        kinds=set(kind.kinds),
        partitions_def=DAYS,
        retry_policy=RETRIES,
        check_specs=[
            dg.AssetCheckSpec(name, asset=kind.name, description=says)
            for name, says in specs.items()
        ],
    )(make)


def batch_job(name: str, asset: dg.AssetsDefinition, description: str) -> Any:  # noqa: ANN401 - what `define_asset_job` returns has no name of its own in Dagster
    """Return the job that runs a batch; its one step only waits, in no process of its own."""
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(asset),
        description=description,
        executor_def=dg.in_process_executor,
        tags=JOB_TAGS,
    )
