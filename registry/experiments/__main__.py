"""A/B experiments: `python -m registry.experiments start|report|stop|list`."""

import argparse
import sys
from pathlib import Path

from mlflow import MlflowClient
from pydantic import ValidationError
from sqlalchemy import Engine

from registry.admission import Admission
from registry.client import open_client
from registry.experiments.design import METRICS, Design, ExperimentArm, StopRule
from registry.experiments.page import render_report
from registry.experiments.report import Report
from registry.experiments.store import Kept, list_running, look, start, stop
from registry.versions import CHAMPION, find_alias
from serving.db.migrate import prepare
from serving.environment import read_settings
from serving.errors import BadInput


def _arm(said: str) -> ExperimentArm:
    """Read `NAME=VERSION:WEIGHT`."""
    try:
        name, rest = said.split("=", 1)
        version, weight = rest.split(":", 1)
        return ExperimentArm(name=name, version=version, weight=float(weight))
    except (ValueError, ValidationError) as error:
        raise argparse.ArgumentTypeError(
            f"'{said}' is not NAME=VERSION:WEIGHT, such as warm=8:25"
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="registry.experiments", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    begin = actions.add_parser("start", help="let versions answer fixed shares of listings")
    begin.add_argument("name")
    begin.add_argument("task")
    arms = begin.add_argument("--arm", type=_arm, action="append", required=True, dest="arms")
    arms.metavar, arms.help = "NAME=VERSION:WEIGHT", "weight in percent of listings"
    begin.add_argument("--metric", choices=list(METRICS), default="override")
    begin.add_argument("--alpha", type=float, default=0.05, help="chance of a false difference")
    begin.add_argument("--listings", type=int, help="of the smallest arm, then it ends")
    begin.add_argument("--salt", help="default: the name; the same salt, the same listings")
    report = actions.add_parser("report", help="what it has found so far")
    report.add_argument("name")
    report.add_argument("--page", type=Path, help="write the page to this file")
    report.add_argument("--stop-if-decided", action="store_true")
    end = actions.add_parser("stop", help="let the champion answer all listings again")
    end.add_argument("name")
    end.add_argument("--reason", required=True)
    actions.add_parser("list", help="those that are running")
    return parser


def _start(client: MlflowClient, engine: Engine, asked: argparse.Namespace) -> None:
    champion = find_alias(client, asked.task, CHAMPION)
    if champion is None:
        raise BadInput(f"{asked.task} has no champion to compare with")
    design = Design(
        name=asked.name,
        task=asked.task,
        champion=champion,
        arms=tuple(asked.arms),
        metric=asked.metric,
        salt=asked.salt or asked.name,
        stop=StopRule(alpha=asked.alpha, listings=asked.listings),
    )
    start(client, engine, design, Admission.of(read_settings()))
    print(f"{design.name}: {design.control_weight:g} % of listings stay with version {champion}")


def _report(client: MlflowClient, engine: Engine, asked: argparse.Namespace) -> None:
    kept = look(engine, asked.name)
    if asked.stop_if_decided and kept.report.decided:
        kept = stop(client, engine, asked.name, kept.report.verdict)
    _show(kept, asked.page)


def _show(kept: Kept, page: Path | None) -> None:
    report: Report = kept.report
    print(report.as_markdown())
    if page is not None:
        page.write_text(render_report(report, kept.design, kept.state, kept.started_at, kept.why))


def main() -> None:
    """Run the command line."""
    asked = _parser().parse_args()
    settings = read_settings()
    engine, client = prepare(settings), open_client(settings)
    try:
        if asked.action == "start":
            _start(client, engine, asked)
        elif asked.action == "report":
            _report(client, engine, asked)
        elif asked.action == "stop":
            _show(stop(client, engine, asked.name, asked.reason), None)
        else:
            print("\n".join(list_running(engine)) or "none")
    except ValidationError as error:
        sys.exit("error: " + "; ".join(str(one["msg"]) for one in error.errors()))
    except BadInput as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
