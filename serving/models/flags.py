"""Which version answered, told to the trace in OpenTelemetry's words for feature flags."""

import hashlib

from opentelemetry import trace

from serving.errors import StudioError
from serving.models.predictor import Prediction

# https://opentelemetry.io/docs/specs/semconv/feature-flags/
_EVENT = "feature_flag.evaluation"


def tell_trace(task: str, key: str, outcome: Prediction[object] | StudioError) -> None:
    """Add to the current span which slot and version answered a listing, known by a hash.

    A request may ask several tasks: each is an event, and the last is on the span itself.
    """
    span = trace.get_current_span()
    if not span.is_recording() or isinstance(outcome, StudioError):
        return
    attributes = {
        "feature_flag.key": task,
        "feature_flag.result.variant": outcome.slot,
        "feature_flag.version": outcome.version,
        "feature_flag.context.id": hashlib.sha256(key.encode()).hexdigest()[:16],
    }
    span.set_attributes(attributes)
    span.add_event(_EVENT, attributes)
