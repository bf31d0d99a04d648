"""Has what a version answered answered again: `python -m registry.recall TASK VERSION`.

A rollback does it by itself; by hand it is for a version that was replaced without one.
"""

import argparse

from serving.db.migrate import prepare
from serving.environment import read_settings
from serving.jobs.recall import recall, recall_within

__all__ = ["recall", "recall_within"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="registry.recall", description=__doc__)
    parser.add_argument("task")
    parser.add_argument("version")
    arguments = parser.parse_args()
    engine = prepare(read_settings())
    for job_id in recall(engine, arguments.task, arguments.version):
        print(f"job {job_id}")


if __name__ == "__main__":
    main()
