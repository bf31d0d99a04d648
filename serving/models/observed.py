"""What is observed of an answer, as whoever answered hands it to an `Observer`."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from numpy.typing import NDArray

from serving.card import ModelCard
from serving.image import Image
from serving.models.predictor import Prediction
from serving.task import Task

BadKind = Literal["error", "fallback", "slow", "override"]
Role = Literal["served", "paired"]


@dataclass(frozen=True)
class About:
    """Which source was asked about, and for whom.

    Attributes
    ----------
    listing_key : what it is routed by, as `serving.models.routing.routing_key`
    photo : the key or address that the caller named; None: it sent the bytes
    """

    task: Task[Any, Any]
    content_sha256: str
    listing_key: str
    listing_id: str | None = None
    client: str = ""
    job_id: UUID | None = None
    photo: str | None = None


@dataclass(frozen=True)
class Beside:
    """The version that stands beside the champion now: the challenger, or an experiment's arm.

    Attributes
    ----------
    share : of all listings, 0..1, that it is to answer now; 0 while it is only asked besides
    """

    slot: str
    version: str
    share: float


@dataclass(frozen=True)
class Said:
    """A version's answer.

    Attributes
    ----------
    card : of that version
    seconds : the model's own time; None where the answer was known, or nobody took the time
    embedding : of the source, if the model gives one
    """

    prediction: Prediction[Any]
    card: ModelCard
    seconds: float | None = None
    embedding: NDArray[Any] | None = None


@dataclass(frozen=True)
class Picture:
    """A photo as small as models see it.

    Attributes
    ----------
    pixels : uint8 RGB (height, width, 3), perhaps squeezed; not to be written to afterwards
    size : height and width of the photo, whose shape it gets back
    """

    pixels: Image
    size: tuple[int, ...]


@dataclass(frozen=True)
class Observed:
    """One answer: a row of `predictions`.

    Attributes
    ----------
    role : `served` to the caller, or `paired`: asked besides
    beside : None: the champion stands alone, and a sample of answers is kept
    pair_id : the same of both answers about one source; also where the other is yet to come
    other : the champion's answer, with that of a version beside it: the two are compared
    fell_back : the champion answered because `beside`, whose listing it is, did not
    picture : small, of a photo; kept of some, and of those about which versions disagree
    """

    about: About
    said: Said
    role: Role = "served"
    beside: Beside | None = None
    pair_id: UUID | None = None
    other: Said | None = None
    fell_back: bool = False
    picture: Picture | None = None


@dataclass(frozen=True)
class Bad:
    """Something bad that a listing met.

    Attributes
    ----------
    beside : the version beside the champion at the time
    by_champion : whose fault it is: the champion's or that version's
    paired : both were asked about this source, so that it could as well have been the other's
    reason : for people, such as `timeout`
    """

    about: About
    beside: Beside
    kind: BadKind
    by_champion: bool = False
    champion_version: str = ""
    paired: bool = True
    reason: str = ""
