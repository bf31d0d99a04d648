"""Traces (OpenTelemetry): one from the request through the queue and the worker to the webhook.

Exported where `OTEL_EXPORTER_OTLP_ENDPOINT` says; the other `OTEL_…` variables hold too. Unset,
no SDK is loaded and no span is made, but who sends a `traceparent` gets it back in its webhooks.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["SpanKind", "close_traces", "mark_failed", "open_traces", "span", "traceparent"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_HEADER = "traceparent"
_propagator = TraceContextTextMapPropagator()


@dataclass
class _Tracing:
    """What this process traces with. Not OpenTelemetry's own global: that can be set only once."""

    tracer: Tracer
    provider: "TracerProvider | None" = None


_tracing = _Tracing(NoOpTracer())


def open_traces(service: str, exporter: "SpanExporter | None" = None) -> bool:
    """Begin to export spans of this process; return whether there is anywhere to send them.

    Parameters
    ----------
    service : the name that the spans carry, unless `OTEL_SERVICE_NAME` is set
    exporter : for spans as they end; by default OTLP over HTTP, in batches
    """
    if exporter is None and not any(os.environ.get(name) for name in _ENDPOINTS):
        return False
    # half a second of imports, for who wants traces
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named))
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _tracing.provider, _tracing.tracer = provider, provider.get_tracer("listing-studio")
    return True


def close_traces() -> None:
    """Send what has not been sent, and trace nothing more."""
    provider, _tracing.provider, _tracing.tracer = _tracing.provider, None, NoOpTracer()
    if provider is not None:
        provider.shutdown()


def is_open() -> bool:
    """Say whether spans are made."""
    return _tracing.provider is not None


@contextlib.contextmanager
def span(
    name: str,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    **attributes: str | int | float | bool,
) -> Iterator[Span]:
    """Trace what is done inside.

    Parameters
    ----------
    parent : a `traceparent` from elsewhere; by default the span around this one
    """
    context = _propagator.extract({_HEADER: parent}) if parent else None
    started = _tracing.tracer.start_span(name, context, kind, attributes)
    with trace.use_span(started, end_on_exit=True):
        yield started


def mark_failed(current: Span, reason: str) -> None:
    """Say that what the span stands for did not go well, though nothing was raised."""
    current.set_status(trace.StatusCode.ERROR, reason)


def traceparent() -> str | None:
    """Return what names the current span to others; None outside of any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_HEADER)
