"""Callbacks that were given up: `python -m serving.jobs.dead_letters list`, then `replay`."""

import argparse
import sys
from collections.abc import Sequence

from sqlalchemy import Engine

from serving.db.engine import open_engine
from serving.jobs.outbox import dead_letters, replay
from serving.settings import Settings

_AT_ONCE = 500


def list_letters(engine: Engine, limit: int) -> list[str]:
    """Return a line for each of the newest, its id first."""
    with engine.connect() as connection:
        return [
            f"{letter.id}  {letter.created_at:%Y-%m-%d %H:%M}  {letter.event}  "
            f"job {letter.job_id}  tried {letter.attempt}x: {letter.last_error}"
            for letter in dead_letters(connection, limit)
        ]


def replay_some(engine: Engine, ids: Sequence[str]) -> list[str]:
    """Owe these anew, delivered ones too; return those that there is nothing to replay of."""
    with engine.begin() as connection:
        return [letter for letter in ids if not replay(connection, letter)]


def replay_all(engine: Engine) -> int:
    """Owe all that were given up anew; return how many."""
    count = 0
    while True:
        with engine.begin() as connection:
            letters = dead_letters(connection, _AT_ONCE)
            count += sum(replay(connection, letter.id) for letter in letters)
        if len(letters) < _AT_ONCE:
            return count


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="serving.jobs.dead_letters", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    show = actions.add_parser("list", help="the newest, with the last answer")
    show.add_argument("--limit", type=int, default=100, help="default: %(default)s")
    again = actions.add_parser("replay", help="send again, under the same webhook-id")
    again.add_argument("ids", nargs="*", metavar="ID", help="of any delivery: msg_…")
    again.add_argument("--all", action="store_true", help="all that were given up")
    arguments = parser.parse_args()
    engine = open_engine(Settings())
    if arguments.action == "list":
        print("\n".join(list_letters(engine, arguments.limit)) or "none was given up")
        return 0
    if arguments.all == bool(arguments.ids):
        again.error("give ids, or --all")
    if arguments.all:
        print(f"{replay_all(engine)} are sent again")
        return 0
    unknown = replay_some(engine, arguments.ids)
    print(f"{len(arguments.ids) - len(unknown)} are sent again")
    for letter in unknown:
        print(f"{letter}: no such delivery, or it is on its way", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
