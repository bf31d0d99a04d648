"""Checks at once what in a request for a film or a clip can never work, before it becomes a job."""

from typing import Any

from serving.render.template_files import open_template
from serving.requests.timeline import TimelineSpec
from serving.video.draw.transitions import find_kind


def check_request(template: str | dict[str, Any], timeline: TimelineSpec | None = None) -> None:
    """Raise BadInput for a template or a transition that does not exist."""
    open_template(template)
    for clip in timeline.clips if timeline is not None else ():
        if clip.transition is not None:
            find_kind(clip.transition.kind)
