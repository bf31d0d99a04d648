"""A process's log: a line of JSON per event on stderr, or a form for people at a terminal.

Code logs through the standard library (`log.info("…", extra={…})`), ours and that of others, and
every line carries what was bound around it: `request_id`, `job_id`, `attempt`, `listing_id`,
`client`, and the trace. What looks like a secret does not leave the process.
"""

import contextvars
import logging
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Literal, ParamSpec, TextIO, TypeVar

import structlog
from opentelemetry import trace
from structlog.contextvars import bind_contextvars as bind
from structlog.contextvars import bound_contextvars as bound
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["ContextThreads", "bind", "bound", "open_logs", "redact"]

P = ParamSpec("P")
T = TypeVar("T")

_HIDDEN = "[hidden]"
# They say at INFO what is worth a look only when hunting a fault of theirs.
_TALKATIVE = ("httpx", "httpcore", "procrastinate", "botocore", "urllib3", "s3transfer", "alembic")
_SECRET_NAMES = re.compile(
    r"(?i)(api[-_]?key|authorization|cookie|password|passwd|secret|token|signature|dsn)s?$"
)
_SECRETS = re.compile(
    r"""
      (?P<scheme>://[^\s/:@"']*:)[^\s/"']+(?=@)           # a URL's password
    | (?P<name>
        [?&](?:sig|signature|token|api_key|access_token|password|secret
            |x-amz-(?:signature|credential|security-token)|awsaccesskeyid)=
      | x-api-key["']?\s*[:=]\s*["']?
      | (?:password|passwd|secret|api_key|secret_access_key|session_token)["']?\s*=\s*["']?
      | (?:bearer|basic)\s+(?=[\w.~+/=-]{16})
      )[^\s&"'<>\\,}]+
    | \bvls_[\w-]{8,}                                     # an API key of ours
    | \bwhsec_[\w+/=-]{8,}                                # a webhook's secret
    | \bv1a?,[\w+/=-]{20,}                                # its signature
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return the text without keys, passwords, webhook secrets and signatures of URLs."""
    return _SECRETS.sub(lambda found: (found["scheme"] or found["name"] or "") + _HIDDEN, text)


def open_logs(
    level: str = "INFO",
    form: Literal["auto", "json", "human"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Send everything that this process logs to `stream` (stderr); called once, at its door."""
    out = stream or sys.stderr
    human = form == "human" or (form == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(human, colours=out.isatty()))
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):  # a framework may have sent its own elsewhere
            logger.handlers.clear()
            logger.propagate = True
    logging.getLogger("uvicorn.access").propagate = False  # without a handler it costs nothing
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.root.level))
    logging.captureWarnings(True)
    sys.excepthook = _log_end
    threading.excepthook = _log_thread_end


def _formatter(human: bool, colours: bool) -> structlog.stdlib.ProcessorFormatter:
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    render: Callable[[WrappedLogger, str, EventDict], str | bytes]
    if human:
        render = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    else:
        render = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _hide_named,
            lambda logger, name, event: redact(str(render(logger, name, event))),
        ],
    )


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


def _hide_named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: _hide(name, value) for name, value in event.items()}


def _hide(name: str, value: object) -> object:
    if _SECRET_NAMES.search(name):
        return _HIDDEN
    if isinstance(value, dict):
        return {str(key): _hide(str(key), inner) for key, inner in value.items()}
    return value


def _log_end(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger(__name__).critical("the process ends", exc_info=(kind, error, traceback))


def _log_thread_end(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread else "?"
    error = ended.exc_value
    logging.getLogger(__name__).critical("the thread %s ends", name, exc_info=error)


class ContextThreads(ThreadPoolExecutor):
    """Threads that work on behalf of whoever gave them the work, in logs and in traces."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread call `fn` in a copy of the caller's context."""
        context = contextvars.copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))
