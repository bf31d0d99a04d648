"""Which photos of which listings a day's batch makes better: `batches/enhancement/{day}.json`."""

from dagster_project.batches.asked import AskedListing, AskedListings
from serving.jobs.kinds import KINDS
from serving.photos.quality.task import PHOTO_QUALITY
from serving.requests.photos import EnhanceInput

ASKED = (PHOTO_QUALITY.name,)


class ListingEnhancement(AskedListing):
    """The photos of a listing, and how they are made better."""

    enhance: EnhanceInput

    @property
    def work(self) -> EnhanceInput:
        """What is asked."""
        return self.enhance

    @property
    def names(self) -> list[str]:
        """Every photo, and the other exposures of a view."""
        return [
            name
            for photo in self.enhance.photos
            for name in ([photo] if isinstance(photo, str) else [photo.photo, *photo.brackets])
        ]


ENHANCEMENT = AskedListings("enhancement", KINDS["enhance_photos"], ListingEnhancement)
