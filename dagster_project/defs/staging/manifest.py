"""Which rooms of which listings a day's batch stages: `batches/staging/{day}.json`."""

from dagster_project.batches.asked import AskedListing, AskedListings
from serving.jobs.kinds import KINDS
from serving.perception.segment import SEGMENTER
from serving.photos.classify import ROOM_CLASSIFIER
from serving.requests.staging import StageInput

ASKED = (SEGMENTER.name, ROOM_CLASSIFIER.name)


class ListingStaging(AskedListing):
    """The photos of a listing, and how their rooms are staged."""

    stage: StageInput

    @property
    def work(self) -> StageInput:
        """What is asked."""
        return self.stage

    @property
    def names(self) -> list[str]:
        """Every photo."""
        return [one if isinstance(one, str) else one.photo for one in self.stage.photos]


STAGING = AskedListings("staging", KINDS["stage_photos"], ListingStaging)
