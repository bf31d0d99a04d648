"""What the analysis of a track is asked for."""

from serving.requests.base import Reference, StrictModel


class AudioInput(StrictModel):
    """A track to analyse."""

    track: Reference
