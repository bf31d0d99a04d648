"""`python -m stack dev` runs the whole studio; `python -m stack demo` shows what it does."""

import argparse
import sys
from pathlib import Path

from stack import demo, dev
from stack.programs import ROOT


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="stack", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("dev", help="run everything until Ctrl-C")
    show = actions.add_parser(
        "demo", help="a folder of photos as jobs: classified, and made a film of"
    )
    show.add_argument(
        "--photos", type=Path, default=ROOT / "datasets" / "sample_listing", help="%(default)s"
    )
    show.add_argument("--out", type=Path, default=ROOT / "out" / "demo", help="%(default)s")
    arguments = parser.parse_args()
    if arguments.action == "dev":
        return dev.run()
    return demo.run(arguments.photos, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
