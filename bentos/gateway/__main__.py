"""Serves the gateway under a supervisor: `python -m bentos.gateway --port 3000`.

With the model inside, it is one process. `bentoml serve` would put its arbiter above it: a process
that loads all of it once more, and looks every ten seconds whether its server still lives. With a
model service beside the gateway the arbiter is what ties the two together.
"""

import argparse
import gc
import os
import sys

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
    arguments = parser.parse_args()
    # What imports make stays for good: looking through it for garbage, again and again, is a fifth
    # of the start, and clients wait for a gateway that was killed.
    gc.disable()
    from serving.environment import read_settings
    from serving.models.session import gpu_available

    if read_settings().serve_inline(gpu_available()):
        _serve(arguments.host, arguments.port)
    words = ["-m", "bentoml", "serve", "bentos.gateway.service:Gateway"]
    where = ["--host", arguments.host, "--port", str(arguments.port)]
    where += ["--timeout-graceful-shutdown", str(_LAST_WORD_S)]
    os.execv(sys.executable, [sys.executable, *words, *where])


def _serve(host: str, port: int) -> None:
    import uvicorn

    from bentos.gateway.service import Gateway

    app = Gateway.to_asgi()  # type: ignore[attr-defined] # the decorator made a service of a class
    gc.freeze()
    gc.enable()
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        # who watches a job stays connected until told to go
        timeout_graceful_shutdown=_LAST_WORD_S,
    )
    sys.exit()


if __name__ == "__main__":
    main()
