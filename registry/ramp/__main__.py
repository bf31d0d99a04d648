"""Ramps at the command line: how they stand, why, and a person's hand in them.

`status` and `explain` read the database; `stop`, `pause` and `resume` write it and need no MLflow;
`approve` sets the tag `approval=approved` of the version in MLflow; `page` and `replay` put a page
beside its run there.
"""

import argparse
import getpass
import sys

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.client import open_client
from registry.ramp.explain import explain
from registry.ramp.pages import add_pages
from registry.ramp.states import LIVE
from registry.ramp.steps import pause, resume
from registry.ramp.store import rules_of
from registry.release import approve
from serving.db.canary_tables import Ramp
from serving.db.migrate import prepare
from serving.environment import read_settings
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from serving.models.slots import read_slots
from serving.operations.rollback import roll_back
from serving.settings import Settings


def main(words: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    arguments = _parser().parse_args(words)
    settings = read_settings()
    try:
        return int(arguments.run(prepare(settings), settings, arguments) or 0)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="registry.ramp",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    status = actions.add_parser("status", help="say how ramps stand")
    status.add_argument("--all", action="store_true", help="those that have ended, too")
    status.set_defaults(run=_status)
    told = actions.add_parser("explain", help="work every decision about a version out again")
    told.add_argument("task")
    told.add_argument("version")
    told.set_defaults(run=_explain)
    stop = actions.add_parser("stop", help="take a version beside the champion back, at once")
    stop.add_argument("task")
    stop.add_argument("--reason", required=True)
    stop.add_argument("--slot", default=CHALLENGER, help="default: %(default)s")
    stop.set_defaults(run=_stop)
    held = actions.add_parser("pause", help="leave the traffic as it is")
    held.add_argument("task")
    held.add_argument("--reason", default="a person asked for it")
    held.set_defaults(run=_pause)
    for name, run, about in (
        ("resume", _resume, "let a paused ramp go on"),
        ("approve", _approve, "allow the steps that need a person"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("task")
        action.set_defaults(run=run)
    add_pages(actions)
    return parser


def _status(engine: Engine, _: Settings, arguments: argparse.Namespace) -> None:
    slots = read_slots(engine)
    with Database(engine) as database:
        found = select(Ramp).order_by(Ramp.task, Ramp.started_at)
        ramps = database.scalars(found if arguments.all else found.where(Ramp.state.in_(LIVE)))
        lines = [_line(ramp) for ramp in ramps]
    for line in lines:
        print(line)
    if not lines:
        print("no version stands beside a champion")
    for row in slots.values():
        if row.stopped:
            print(f"{row.task} {row.slot}: version {row.version} was stopped: {row.stopped}")


def _line(ramp: Ramp) -> str:
    step = rules_of(ramp).steps[ramp.step]
    traffic = f"{ramp.mode}, {ramp.weight:g} %"
    listings = f"{ramp.evidence.get('listings', 0)} listings compared with version {ramp.champion}"
    return (
        f"{ramp.task} {ramp.slot}: version {ramp.version} is {ramp.state} at the step {step.name} "
        f"({traffic}), {listings}: {ramp.why}"
    )


def _explain(engine: Engine, _: Settings, arguments: argparse.Namespace) -> int:
    found = explain(engine, arguments.task, arguments.version)
    for one in found:
        said = {None: "by hand", True: "same", False: "OTHERWISE"}[one.same]
        made = one.decided
        at = made.at.isoformat(timespec="seconds")
        print(f"{at} {said:9} {made.decision} at step {made.step} by {made.by}: {made.why}")
        for difference in one.differences:
            print(f"    {difference}")
    worked_out = [one.same for one in found if one.same is not None]
    print(f"{sum(worked_out)} of {len(worked_out)} decisions come out the same")
    return 0 if all(worked_out) else 1


def _stop(engine: Engine, _: Settings, arguments: argparse.Namespace) -> None:
    done = roll_back(engine, arguments.task, arguments.slot, arguments.reason, _who())
    print(f"{done.task}: version {done.version} is stopped, what it answered is answered again")


def _pause(engine: Engine, _: Settings, arguments: argparse.Namespace) -> None:
    done = pause(engine, arguments.task, _who(), arguments.reason)
    print(f"{done.task}: the ramp of version {done.version} is paused")


def _resume(engine: Engine, _: Settings, arguments: argparse.Namespace) -> None:
    done = resume(engine, arguments.task, _who())
    print(f"{done.task}: the ramp of version {done.version} goes on from step {done.step}")


def _approve(_: Engine, settings: Settings, arguments: argparse.Namespace) -> None:
    version = approve(open_client(settings), arguments.task)
    print(f"{arguments.task}: version {version} is approved")


def _who() -> str:
    """Return who is at the command line."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user has no name
        return "command line"


if __name__ == "__main__":
    sys.exit(main())
