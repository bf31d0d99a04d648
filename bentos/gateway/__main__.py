"""Serves the gateway under a supervisor: `python -m bentos.gateway --port 3000`.

With the model inside, it is one process. `bentoml serve` would put its arbiter above it: a process
that loads all of it once more, and looks every ten seconds whether its server still lives. With a
model service beside the gateway the arbiter is what ties the two together.
"""

import argparse
import logging
import os
import sys
from typing import Any

import uvicorn

from bentos.gateway.service import Gateway
from serving.models.session import gpu_available
from serving.settings import Settings

_LAST_WORD_S = 10


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.gateway",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=3000, help="default: %(default)s")
    asked = parser.parse_args()
    if not Settings().serve_inline(gpu_available()):
        words = ["-m", "bentoml", "serve", "bentos.gateway.service:Gateway"]
        where = ["--host", asked.host, "--port", str(asked.port)]
        os.execv(sys.executable, [sys.executable, *words, *where])
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    service: Any = Gateway  # the decorator has made a service of the class
    uvicorn.run(
        service.to_asgi(),
        host=asked.host,
        port=asked.port,
        log_level="info",
        access_log=False,
        server_header=False,
        # who watches a job stays connected until told to go
        timeout_graceful_shutdown=_LAST_WORD_S,
    )


if __name__ == "__main__":
    main()
