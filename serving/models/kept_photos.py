"""Keeps small pictures of some photos, for people who compare versions and for trying new ones.

A picture is as large as the model saw it. Its encoding and its way to the storage happen in a
thread of their own, behind answers and observations; what finds no room to wait is not kept.
"""

import logging
import queue
import threading
import time

import cv2
from cachetools import LRUCache
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from serving import metrics
from serving.errors import StudioError, first_line
from serving.image import Image
from serving.models.observed import About, Picture
from serving.models.observed_rows import clean, restore_shape
from serving.models.routing import bucket
from serving.storage.interface import Storage
from serving.storage.kept_photos import KeptPhotos, NewPicture

log = logging.getLogger(__name__)

_WAITING = 64  # of 224 x 224 pixels: 10 MB
_QUALITY = 80  # a person tells rooms apart, and a model answers the same; 8 KB
_REMEMBERED = 20_000
_SAMPLE = "kept"


class PhotoKeeper:
    """Keeps a share of the pictures that it is offered, and all about which versions disagree.

    Parameters
    ----------
    share : of photos, 0..1, chosen by their content: the same ones in every process
    """

    def __init__(self, engine: Engine, storage: Storage, share: float) -> None:
        self._photos, self._share = KeptPhotos(engine, storage), share
        self._waiting: queue.Queue[tuple[About, Picture, float] | None] = queue.Queue(_WAITING)
        self._known: LRUCache[tuple[str, str, str], bool] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="kept photos", daemon=True)
        self._thread.start()

    def offer(self, about: About, picture: Picture, discordant: bool) -> None:
        """Keep the picture, if it is one of those; never waits."""
        sha256 = about.content_sha256
        if not discordant and bucket(_SAMPLE, "", sha256) >= 100 * self._share:
            return
        name = (sha256, about.client, about.listing_key)
        with self._lock:
            if name in self._known:
                return
            self._known[name] = True
        try:
            self._waiting.put_nowait((about, picture, time.monotonic()))
        except queue.Full:
            self._forget(about)
            metrics.KEPT_PHOTOS.labels("dropped").inc()

    def close(self, wait_s: float = 5.0) -> None:
        """Keep what waits, for about `wait_s`."""
        try:
            self._waiting.put(None, timeout=wait_s)
        except queue.Full:
            return
        self._thread.join(wait_s)

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            about, picture, at = item
            try:
                kept = self._photos.keep(_new(about, picture), time.monotonic() - at)
                metrics.KEPT_PHOTOS.labels("kept" if kept else "erased").inc()
            except (StudioError, SQLAlchemyError, OSError, cv2.error) as error:
                self._forget(about)  # another answer about it may have better luck
                metrics.KEPT_PHOTOS.labels("failed").inc()
                log.warning("a small picture is not kept: %s", first_line(error))

    def _forget(self, about: About) -> None:
        with self._lock:
            self._known.pop((about.content_sha256, about.client, about.listing_key), None)


def _new(about: About, picture: Picture) -> NewPicture:
    data = encode_small(restore_shape(picture.pixels, picture.size))
    listing_id = about.listing_id and clean(about.listing_id)
    key = clean(about.listing_key)
    return NewPicture(about.content_sha256, about.client, key, listing_id, data)


def encode_small(image: Image) -> bytes:
    """Return uint8 RGB (height, width, 3) as a WebP."""
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".webp", turned, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    return data.tobytes()
