"""What a model says of photos, exactly as it would be served."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from tqdm import tqdm

from serving.card import PhotoInput
from serving.image import Image
from serving.models.session import Logits, Session, cores
from serving.photos.classify import to_pixels
from training.loop.loaders import LabelledPhotos, read_image

_BATCH = 16


def predict(
    session: Session,
    photos: LabelledPhotos,
    spec: PhotoInput,
    change: Callable[[Image], Image] | None = None,
    title: str = "predict",
) -> Logits:
    """Return logits, float32 (n, labels), of photos decoded and resized as serving does.

    Parameters
    ----------
    change : applied to each photo before it is resized, such as a corruption
    title : of the progress bar
    """

    def work(uris: tuple[str, ...]) -> Logits:
        return session(np.stack([read_pixels(uri, spec, change) for uri in uris]))

    with ThreadPoolExecutor(cores()) as pool:
        batches = list(_batches(photos.uris))
        return np.concatenate(
            list(tqdm(pool.map(work, batches), title, len(batches), leave=False, unit="batch"))
        )


def read_pixels(
    uri: str, spec: PhotoInput, change: Callable[[Image], Image] | None = None
) -> Image:
    """Return one photo as the model's input, uint8 (height, width, 3)."""
    # a corruption is made for whole photos; the served path decodes no larger than it must
    photo = read_image(uri, 0 if change else max(spec.height, spec.width))
    return to_pixels(change(photo) if change else photo, spec.height, spec.width)


def _batches(uris: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    rest = iter(uris)
    while batch := tuple(islice(rest, _BATCH)):
        yield batch
