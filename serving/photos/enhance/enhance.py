"""Does the steps of a plan to a photo, each as strongly as it is measured to be needed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from serving.image.array import Image, check_rgb
from serving.photos.enhance import straighten as leaning
from serving.photos.enhance.contrast import clarify, measure_haze, stretch_contrast
from serving.photos.enhance.denoise import (
    LEAST_SIGMA,
    compression_sigma,
    denoise,
    measure_noise,
)
from serving.photos.enhance.finish import Tones, finish
from serving.photos.enhance.light import Light, measure_cast, measure_exposure, relight
from serving.photos.enhance.presets import Operation, Step
from serving.photos.enhance.sharpen import sharpen

Amounts = dict[str, float]
Done = tuple[Image, Amounts | str]
SMALLEST = 64  # px of a side, under which a photo shows too little to be judged


@dataclass(frozen=True, eq=False)
class Origin:
    """What is known of a photo beside its pixels.

    Attributes
    ----------
    jpeg_quality : 1..100 at which it was compressed; None: it was not, or nobody knows
    focal : focal length in long sides
    curves : that a model proposes for it, (points, 3); None: no model has looked at it
    """

    jpeg_quality: float | None = None
    focal: float = leaning.FOCAL
    curves: Tones | None = None


@dataclass(frozen=True)
class Enhanced:
    """A photo after a plan.

    Attributes
    ----------
    photo : uint8 RGB; the very one that was given where nothing was done
    applied : what was done, in order, by how much
    left : what was not done, and why
    """

    photo: Image
    applied: dict[Operation, Amounts] = field(default_factory=dict)
    left: dict[Operation, str] = field(default_factory=dict)


_NOWHERE = Origin()


def enhance(photo: Image, steps: Sequence[Step], origin: Origin = _NOWHERE) -> Enhanced:
    """Do what a plan says.

    Nothing is added that the photo does not show, and nothing is taken out but noise.

    Parameters
    ----------
    photo : uint8 RGB, upright; it is not changed

    Raises
    ------
    BadImage
        Not uint8 RGB.
    """
    check_rgb(photo)
    if min(photo.shape[:2]) < SMALLEST:
        why = f"a photo under {SMALLEST} px a side shows too little to be judged"
        return Enhanced(photo, {}, {step.operation: why for step in steps})
    applied: dict[Operation, Amounts] = {}
    left: dict[Operation, str] = {}
    now = photo
    for step in steps:
        now, told = _WORKERS[step.operation](now, step, origin)
        if isinstance(told, str):
            left[step.operation] = told
        else:
            applied[step.operation] = {name: round(value, 3) for name, value in told.items()}
    if set(applied) == {"sharpen"} and "denoise" in {step.operation for step in steps}:
        # it was to follow what was not needed
        return Enhanced(photo, {}, left | {"sharpen": "nothing was done that softens"})
    return Enhanced(now, applied, left)


def _denoise(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    sigma = measure_noise(photo)
    if sigma < LEAST_SIGMA:
        return photo, "it has hardly any noise"
    return denoise(photo, step.strength * sigma), {"levels": sigma}


def _deblock(photo: Image, step: Step, origin: Origin) -> Done:
    sigma = compression_sigma(origin.jpeg_quality)
    if sigma <= 0 or origin.jpeg_quality is None:
        return photo, "its file tells of no strong compression"
    return denoise(photo, step.strength * sigma), {"jpeg_quality": origin.jpeg_quality}


def _finish(photo: Image, step: Step, origin: Origin) -> Done:
    if origin.curves is None:
        return photo, "no model has looked at it"
    made = finish(photo, origin.curves, step.strength)
    if made is photo:
        return photo, "its tones are as they should be"
    return made, {"strength": step.strength}


def _white_balance(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    cast_ = measure_cast(photo)
    if not cast_.cast:
        return photo, "its light has no cast"
    red, blue = step.strength * cast_.red, step.strength * cast_.blue
    return relight(photo, Light(0.0, red, blue)), {"red": -red, "blue": -blue}


def _exposure(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    stops = step.strength * measure_exposure(photo) + step.lift
    if not stops:
        return photo, "it is neither too dark nor too bright"
    return relight(photo, Light(stops)), {"stops": stops}


def _contrast(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    haze = measure_haze(photo)
    if haze < _LEAST_HAZE:
        return photo, "it reaches from black to white"
    return stretch_contrast(photo, step.strength), {"haze": haze}


def _clarity(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    detail = _MOST_DETAIL * step.strength
    return clarify(photo, detail, step.lift), {"detail": detail, "shadows": step.lift}


def _straighten(photo: Image, step: Step, origin: Origin) -> Done:
    del step
    made = leaning.straighten(photo, origin.focal)
    if made.refused:
        return photo, made.refused
    return made.photo, {
        "roll_degrees": made.roll_degrees,
        "convergence_degrees": made.convergence_degrees,
        "cropped": made.lost,
    }


def _sharpen(photo: Image, step: Step, origin: Origin) -> Done:
    del origin
    return sharpen(photo, step.strength), {"amount": step.strength}


_LEAST_HAZE = 0.05
_MOST_DETAIL = 0.4
_WORKERS = cast(
    Mapping[Operation, Callable[[Image, Step, Origin], Done]],
    {
        "denoise": _denoise,
        "deblock": _deblock,
        "finish": _finish,
        "white_balance": _white_balance,
        "exposure": _exposure,
        "contrast": _contrast,
        "clarity": _clarity,
        "straighten": _straighten,
        "sharpen": _sharpen,
    },
)
