"""A film's sound: the music fitted to its length, a voice over it, all of it brought to level."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import soundfile
from numpy.typing import NDArray

from serving.audio.arrange import Piece, Track, duck, fade, fit_length, mix, move_times, plan_pieces
from serving.audio.loudness import normalise
from serving.db.tables import Json
from serving.errors import BadInput
from serving.jobs.media_requests import FilmWork, MusicAsked, SoundAsked
from serving.render.analysis import analyze_track
from serving.render.audio_files import AudioLimits, aac_round_trip, decode_audio
from serving.render.sound import Sound
from serving.video.places import Music, make_music
from serving.workflows.run import Run

RATE_HZ = 48_000
_FADE_OUT_S, _VOICE_AT_S = 2.0, 0.5
_STAGE = "film-sound-2"

Samples = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Song:
    """A decoded track and what was found in it, from where the film begins.

    Attributes
    ----------
    samples : float32, shape (frames, channels), at `RATE_HZ`
    beats_s, downbeats_s, sections_s : rising
    energy : 0..1, `energy_per_s` values a second
    """

    samples: Samples
    sha256: str
    gain_db: float
    beats_s: Times
    downbeats_s: Times
    sections_s: Times
    energy: Times
    energy_per_s: float

    def music(self) -> Music:
        """Return it in its own time, for a first guess at the film's length."""
        return self._moved([Piece(0, len(self.samples), 0)], len(self.samples))

    def fitted(self, frames: int) -> Music:
        """Return it trimmed or looped to `frames` samples, in the film's time."""
        bars = [round(at * RATE_HZ) for at in self._loop_s().tolist()]
        return self._moved(plan_pieces(len(self.samples), frames, bars), frames)

    def played(self, frames: int) -> Samples:
        """Return its samples, trimmed or looped to `frames` of them."""
        return fit_length(self.samples, RATE_HZ, frames, self._loop_s())

    def _loop_s(self) -> Times:
        """Return where the music may be looped: at bars, or at every fourth beat."""
        return self.downbeats_s if self.downbeats_s.size > 1 else self.beats_s[::4]

    def _moved(self, pieces: Sequence[Piece], frames: int) -> Music:
        beats, downbeats, sections = (
            move_times(times, pieces, RATE_HZ)
            for times in (self.beats_s, self.downbeats_s, self.sections_s)
        )
        steps = np.arange(0, frames / RATE_HZ, 1 / self.energy_per_s)
        starts = np.array([piece.at for piece in pieces]) / RATE_HZ
        of = np.searchsorted(starts, steps, "right") - 1
        sources = np.array([piece.start for piece in pieces])[of] / RATE_HZ + steps - starts[of]
        known = np.arange(self.energy.size) / self.energy_per_s
        energy = np.interp(sources, known, self.energy) if self.energy.size else np.zeros(0)
        return make_music(beats, downbeats, energy, 1 / self.energy_per_s, sections)


def open_song(run: Run, asked: MusicAsked) -> Song:
    """Fetch, decode and analyse the music; BadInput if it cannot be, or ends before `start_s`."""
    settings = run.parts.settings
    data = run.read(asked.track, settings.max_audio_bytes)
    found = analyze_track(data, run.parts.storage, _limits(run))
    samples = decode_audio(data, _limits(run), RATE_HZ).samples[round(asked.start_s * RATE_HZ) :]
    if not len(samples):
        raise BadInput(f"the music ends before {asked.start_s:g} s")

    def after(times: Sequence[float]) -> Times:
        moved = np.asarray(times, np.float64) - asked.start_s
        return moved[moved >= 0]

    return Song(
        samples=samples,
        sha256=found["sha256"],
        gain_db=asked.gain_db,
        beats_s=after(found["beats_s"]),
        downbeats_s=after(found["downbeats_s"]),
        sections_s=after([section["start_s"] for section in found["sections"]]),
        energy=np.asarray(found["energy"][round(asked.start_s * found["energy_per_s"]) :]),
        energy_per_s=found["energy_per_s"],
    )


def make_sound(run: Run, work: FilmWork, song: Song | None, frames: int) -> Sound | None:
    """Mix music, sounds and voice to `frames` samples at -14 LUFS; None for a film without sound.

    What was mixed before, for another format or by an attempt that died, is taken from there.
    """
    read = partial(run.read, max_bytes=run.parts.settings.max_audio_bytes)
    voice = None if work.voice_over is None else read(work.voice_over)
    sounds = [read(asked.track) for asked in work.sounds]
    if song is None and voice is None and not sounds:
        return None
    inputs: Json = {
        "music": [song.sha256, work.music.model_dump(exclude={"track"})]
        if song and work.music
        else None,
        "sounds": [
            [hashlib.sha256(data).hexdigest(), asked.model_dump(exclude={"track"})]
            for asked, data in zip(work.sounds, sounds, strict=True)
        ],
        "voice": hashlib.sha256(voice).hexdigest() if voice is not None else None,
        "frames": frames,
    }

    def make() -> bytes:
        speech = None if voice is None else decode_audio(voice, _limits(run), RATE_HZ).samples
        laid = [
            _open_sound(asked, data, _limits(run))
            for asked, data in zip(work.sounds, sounds, strict=True)
        ]
        return _pack(_mix(song, laid, speech, frames))

    return Sound(_unpack(run.stage(_STAGE, inputs, make)), RATE_HZ)


def _limits(run: Run) -> AudioLimits:
    return AudioLimits(run.parts.settings.max_audio_bytes, run.parts.settings.max_audio_s)


def _open_sound(asked: SoundAsked, data: bytes, limits: AudioLimits) -> Track:
    """Return a sound cut and faded as asked; BadInput if it cannot be, or ends before `start_s`."""
    try:
        samples = decode_audio(data, limits, RATE_HZ).samples[round(asked.start_s * RATE_HZ) :]
    except BadInput as error:
        raise BadInput(f"sound '{asked.track}': {error}") from error
    if asked.length_s is not None:
        samples = samples[: round(asked.length_s * RATE_HZ)]
    if not len(samples):
        raise BadInput(f"sound '{asked.track}' ends before {asked.start_s:g} s")
    fade_s = min(asked.fade_s, len(samples) / RATE_HZ / 2)
    return Track(fade(samples, RATE_HZ, fade_s, fade_s), asked.gain_db, asked.at_s)


def _mix(
    song: Song | None, sounds: Sequence[Track], speech: Samples | None, frames: int
) -> Samples:
    """Lay all over each other; under a voice, music and sounds are turned down together."""
    under = list(sounds)
    if song is not None:
        under.append(Track(song.played(frames), song.gain_db))
    mixed = fade(mix(under, RATE_HZ, frames), RATE_HZ, 0.0, _FADE_OUT_S)
    if speech is not None:
        lead = np.zeros((round(_VOICE_AT_S * RATE_HZ), speech.shape[1]), np.float32)
        ducked = duck(mixed, np.concatenate([lead, speech]), RATE_HZ)
        mixed = mix([Track(ducked), Track(speech, at_s=_VOICE_AT_S)], RATE_HZ, frames)
    return normalise(mixed, RATE_HZ, aac_round_trip(RATE_HZ)).samples


def _pack(samples: Samples) -> bytes:
    """Return the mix as FLAC: 24 bits are finer than AAC will ever be."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def _unpack(data: bytes) -> Samples:
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples, np.float32)
