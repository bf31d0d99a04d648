"""The dataset from the command line: `python -m training.data --help`."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from serving.environment import read, read_settings
from serving.errors import BadInput
from training.data.dataset import Dataset, build_table, open_dataset, save_table
from training.data.frozen import FILE, freeze_test
from training.data.settings import DataSettings
from training.data.splits import assign_splits, count_splits, split_digest, write_splits


@dataclass(frozen=True)
class Run:
    """What every command works on."""

    dataset: Dataset
    out: Path
    table: pd.DataFrame


def describe(run: Run) -> int:
    """List and measure every photo."""
    groups = run.table.groupby(["source", "label"])
    sums = groups[["brightness", "sharpness"]].median().round().astype("Int64")
    sums.insert(0, "photos", groups.size())
    sums["copied"] = groups["duplicate_group"].count()
    sums["quarantine"] = groups["quarantine"].count()
    print(sums.to_string())
    for reason, count in run.table["quarantine"].value_counts().head(10).items():
        print(f"quarantine: {count} x {reason}")
    return 0


def validate(run: Run) -> int:
    """Judge the photos by the expectations; exit 1 when training is stopped."""
    from training.data.validate import validate_table  # Great Expectations takes 5 s to import

    verdict = validate_table(run.table, run.dataset, run.out / "docs")
    for sentence in verdict.failures:
        print(f"STOPPED  {sentence}")
    for sentence in verdict.warnings:
        print(f"warning  {sentence}")
    print("may be trained on" if verdict.success else "training is stopped")
    print(f"look at {verdict.docs}")
    return 0 if verdict.success else 1


def split(run: Run) -> int:
    """Say who trains, validates and tests, and write it to splits.csv."""
    counts = count_splits(run.table)
    print(counts.to_string())
    total = counts.sum()
    print(", ".join(f"{name} {n:,} ({n / total.sum():.1%})" for name, n in total.items()))
    for note, count in run.table["split_note"].value_counts().items():
        print(f"excluded: {count} x {note}")
    write_splits(run.table, run.out / "splits.csv")
    print(f"data version {split_digest(run.table)}, written to {run.out / 'splits.csv'}")
    return 0


def freeze(run: Run) -> int:
    """Write the first split's test photos down for ever; refused when there is a list already."""
    if (run.dataset.folder / FILE).exists():
        raise BadInput(f"'{run.dataset.folder / FILE}' is there already and is never overwritten")
    if validate(run):
        return 1
    file = freeze_test(run.table, run.dataset.folder)
    print(f"{(run.table['split'] == 'test').sum():,} photos are frozen in {file}; commit it")
    return 0


_COMMANDS: Mapping[str, Callable[[Run], int]] = {
    command.__name__: command for command in (describe, validate, split, freeze)
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 stopped by the data, 2 a mistake in what was given."""
    given = _parse(arguments)
    settings = read(DataSettings)
    started = time.perf_counter()
    try:
        dataset = open_dataset(given.dataset or settings.dataset_folder())
        out = given.out or read_settings().home() / "data" / dataset.folder.name
        data = given.data or settings.studio_data
        table = build_table(dataset, data, out, given.workers)
        table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
        save_table(table, out)
        took_s = time.perf_counter() - started
        print(f"{len(table):,} photos described in {took_s:.1f} s; table in {out}")
        return _COMMANDS[given.command](Run(dataset, out, table))
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m training.data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        one = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        one.add_argument(
            "--dataset", type=Path, help="folder that describes the data (datasets/rooms)"
        )
        one.add_argument("--data", help="folder or s3:// prefix of the photos (STUDIO_DATA)")
        one.add_argument("--out", type=Path, help="where tables and pages go (STUDIO_HOME/data)")
        one.add_argument("--workers", type=int, default=2, help="photos read at once (2)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
