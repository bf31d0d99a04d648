"""A reference backend that receives the studio's webhooks: `python -m stack.backend`.

It verifies signatures on the raw body, counts each event once by its webhook-id, keeps the latest
state of each job, and shows it at / (people), /jobs, /jobs/{id} and /deliveries (JSON).
The switches below make it misbehave, from the start; `PUT /sandbox` sets them while it runs.
"""

import argparse
import base64
import json
import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from serving.settings_checks import check_webhook_secret
from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox, Switches
from stack.backend.server import make_server

_DATA = Path(".studio") / "backend"


def main() -> None:
    """Run the command line."""
    parser = make_parser()
    arguments = parser.parse_args()
    if arguments.make_secret:
        print(make_secret())
        return
    try:
        known = read_secrets(arguments.secret)
        switches = read_switches(arguments)
    except ValueError as error:
        parser.error(_describe(error))
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.WARNING)
    inbox = Inbox(arguments.data / "inbox.sqlite")
    desk = Desk(Verifier(known), inbox, Sandbox(switches))
    print(f"Receives at http://{arguments.host}:{arguments.port}/webhooks/…", flush=True)
    make_server(desk, arguments.host, arguments.port).run()
    inbox.close()


def make_parser() -> argparse.ArgumentParser:
    """Return the command line: the sandbox's switches are options of the same name."""
    parser = argparse.ArgumentParser(
        prog="stack.backend",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument(
        "--secret",
        action="append",
        metavar="whsec_…",
        help="what the studio signs with; several times while one is being replaced. "
        "Default: the JSON list in the environment variable WEBHOOK_SECRETS",
    )
    parser.add_argument("--make-secret", action="store_true", help="print a new secret and end")
    parser.add_argument(
        "--data",
        type=Path,
        default=_DATA,
        metavar="FOLDER",
        help="where what was received is kept; default: %(default)s",
    )
    sandbox = parser.add_argument_group("sandbox", "percentages are of deliveries; default: off")
    for name, field in Switches.model_fields.items():
        default = "none" if field.default in (None, ()) else field.default
        about = f"{field.description} (default: {default})".replace("%", "%%")
        flag = f"--{name.replace('_', '-')}"
        if name == "events":
            sandbox.add_argument(flag, nargs="+", metavar="EVENT", help=about)
        else:
            sandbox.add_argument(flag, metavar="X", help=about)
    return parser


def read_switches(arguments: argparse.Namespace) -> Switches:
    """Return the sandbox's switches that the command line names; ValueError if they clash."""
    given = {name: getattr(arguments, name) for name in Switches.model_fields}
    return Switches.model_validate(
        {key: value for key, value in given.items() if value is not None}
    )


def read_secrets(given: Sequence[str] | None) -> list[str]:
    """Return the secrets of the command line or the environment; ValueError without a good one."""
    known = list(given or json.loads(os.environ.get("WEBHOOK_SECRETS", "[]")))
    if not known:
        raise ValueError(
            "give --secret, or WEBHOOK_SECRETS as a JSON list; --make-secret makes one"
        )
    for number, secret in enumerate(known, 1):
        try:
            check_webhook_secret(secret)
        except ValueError as error:
            raise ValueError(f"secret {number} {error}") from None
    return known


def make_secret() -> str:
    """Return a new secret of 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _describe(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'sandbox'}: {item['msg']}" for item in error.errors()
    )


if __name__ == "__main__":
    main()
