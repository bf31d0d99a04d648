"""More pixels for a photo, after all else was done to it: by the model of the task `upscaler`."""

from dataclasses import dataclass, replace

from serving.perception.upscale import Factor, UpscalerModel, bytes_beside, upscale
from serving.photos.enhance.enhance import Enhanced

_WRITTEN = 6  # bytes for each pixel of the new file that its encoder holds
_MEGA = 1_000_000


@dataclass(frozen=True)
class Upscaling:
    """By how much photos are enlarged, and by whom.

    Attributes
    ----------
    factor : times the pixels along each side
    max_pixels : of a photo; what would have more is left as it is, and says so
    """

    factor: Factor
    model: UpscalerModel
    max_pixels: int

    def apply(self, done: Enhanced) -> Enhanced:
        """Return an enhanced photo with more pixels.

        Raises
        ------
        ModelFailed, ModelUnavailable
            The model breaks on a part of the photo, or does not answer any more.
        """
        pixels = done.photo.shape[0] * done.photo.shape[1]
        if pixels > self._most:
            made, most = (n / _MEGA for n in (self.factor**2 * pixels, self.max_pixels))
            why = f"it would have {made:.1f} megapixels, where {most:.1f} are the most"
            return replace(done, left=done.left | {"upscale": why})
        photo = upscale(done.photo, self.factor, self.model)
        amounts = {"factor": float(self.factor)}
        return replace(done, photo=photo, applied=done.applied | {"upscale": amounts})

    def bytes_for(self, pixels: int) -> float:
        """Return what it holds for each of a photo's pixels, the new file's encoder included.

        Of a photo that is too large it may be asked about a part: one that was straightened.
        """
        held = bytes_beside(self.factor, self.model.card) + _WRITTEN * self.factor**2
        return held * min(1.0, self._most / pixels)

    @property
    def _most(self) -> int:
        """Return how many pixels a photo may have, to be enlarged."""
        return self.max_pixels // self.factor**2
