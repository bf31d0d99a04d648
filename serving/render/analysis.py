"""A track analysed once: the answer and its pictures are kept under the hash of its bytes."""

import hashlib
import io
import json
from typing import Any, Protocol

from PIL import Image as Pillow

from serving.audio.analyze import VERSION, Analysis, analyze
from serving.audio.features import BeatModel
from serving.audio.waveform import Marks, draw_waveform, waveform_svg
from serving.errors import ObjectNotFound
from serving.render.audio_files import AudioLimits, DecodedAudio, decode_audio
from serving.storage.interface import Storage
from serving.storage.prefixes import AUDIO

_WIDTH, _HEIGHT = 1200, 240


class NamedBeatModel(BeatModel, Protocol):
    """A network that hears beats, and what its analyses are remembered by."""

    @property
    def identity(self) -> str:
        """Return the version, its weights and its card in short."""
        ...


def analyze_track(
    data: bytes,
    storage: Storage,
    model: NamedBeatModel | None,
    limits: AudioLimits | None = None,
) -> dict[str, Any]:
    """Return what `serving.audio.analyze` finds in a sound file, with its pictures' keys.

    Parameters
    ----------
    model : without one no beats are looked for

    Raises
    ------
    BadInput, TooLarge
        If it cannot be decoded, or is too long.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    folder = f"{AUDIO}/{VERSION}/{model.identity if model else 'no-beats'}/{sha256}"
    try:
        known: dict[str, Any] = json.loads(storage.read(f"{folder}/analysis.json"))
    except ObjectNotFound:
        sound = decode_audio(data, limits)
        found = analyze(sound.samples, sound.sample_rate_hz, model)
        known = {"sha256": sha256} | found.to_json() | _draw(sound, found, storage, folder)
        known["notes"] = [*sound.notes, *known["notes"]]
        storage.write(f"{folder}/analysis.json", json.dumps(known).encode())
    return known


def _draw(sound: DecodedAudio, found: Analysis, storage: Storage, folder: str) -> dict[str, str]:
    marks = Marks(found.duration_s, found.beats_s, found.downbeats_s)
    png = io.BytesIO()
    Pillow.fromarray(draw_waveform(sound.samples, _WIDTH, _HEIGHT, marks)).save(png, "PNG")
    svg = waveform_svg(sound.samples, _WIDTH, _HEIGHT, marks).encode()
    for name, picture in (("waveform.png", png.getvalue()), ("waveform.svg", svg)):
        storage.write(f"{folder}/{name}", picture)
    return {"waveform_png": f"{folder}/waveform.png", "waveform_svg": f"{folder}/waveform.svg"}
