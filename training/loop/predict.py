"""What a model says of photos, exactly as it would be served."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pandas as pd
from tqdm import tqdm

from serving.card import Input, PhotoInput
from serving.image import Image
from serving.image.squeeze import to_pixels
from serving.models.session import OnnxSession, cores
from serving.task import Array, Inputs, Outputs
from training.loop.loaders import read_image

_BATCH = 16
Change = Callable[[Image], Image]
Run = Callable[[Inputs], Outputs]


def predict(
    model: bytes | Run,
    uris: tuple[str, ...],
    spec: PhotoInput,
    output: str = "logits",
    change: Change | None = None,
    title: str = "predict",
) -> Array:
    """Return an output of a model, the batch first, of photos decoded and resized as serving does.

    Parameters
    ----------
    model : ONNX with the input `pixels`, or what runs one
    change : applied to each photo before it is resized, such as a corruption
    title : of the progress bar
    """
    session = OnnxSession(model) if isinstance(model, bytes) else model

    def work(some: tuple[str, ...]) -> Array:
        return session({"pixels": np.stack([read_pixels(uri, spec, change) for uri in some])})[
            output
        ]

    with ThreadPoolExecutor(cores()) as pool:
        batches = list(_batches(uris))
        return np.concatenate(
            list(tqdm(pool.map(work, batches), title, len(batches), leave=False, unit="batch"))
        )


def photo_input(spec: Input) -> PhotoInput:
    """Return the input of a model of photos; TypeError if it is of another kind."""
    if not isinstance(spec, PhotoInput):
        raise TypeError(f"a model of photos takes a PhotoInput, not {type(spec).__name__}")
    return spec


def read_pixels(uri: str, spec: PhotoInput, change: Change | None = None) -> Image:
    """Return one photo as the model's input, uint8 (height, width, 3)."""
    # a corruption is made for whole photos; the served path decodes no larger than it must
    photo = read_image(uri, 0 if change else max(spec.height, spec.width))
    return to_pixels(change(photo) if change else photo, spec.height, spec.width)


def sample_pixels(rows: pd.DataFrame, spec: Input, count: int, seed: int) -> Image:
    """Return some photos as a batch of the model's input, the same every time."""
    size, random = photo_input(spec), np.random.default_rng(seed)
    chosen = random.choice(len(rows), min(count, len(rows)), replace=False)
    return np.stack([read_pixels(rows["uri"].iloc[row], size) for row in chosen])


def _batches(uris: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    rest = iter(uris)
    while batch := tuple(islice(rest, _BATCH)):
        yield batch
