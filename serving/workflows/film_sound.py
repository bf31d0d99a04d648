"""A film's sound: the music fitted to its length, a voice over it, all of it brought to level."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from serving.audio.analyze import find_sound
from serving.audio.arrange import (
    FEWEST_LOOP_S,
    Piece,
    Track,
    duck,
    fade,
    fit_length,
    mix,
    move_times,
    plan_pieces,
)
from serving.audio.loudness import normalise
from serving.audio.samples import remove_offset, to_mono, turn_opposite
from serving.db.tables import Json
from serving.errors import BadInput
from serving.render.aac import aac_round_trip
from serving.render.analysis import analyze_track
from serving.render.audio_files import AudioLimits, decode_audio
from serving.render.sound import Sound
from serving.requests.film import FilmInput, MusicSpec, SoundSpec
from serving.video.edit.cut_points import Music, make_music
from serving.workflows.beats import pin_beats_if_any
from serving.workflows.run import Run

RATE_HZ = 48_000
_FADE_OUT_S, _VOICE_AT_S = 2.0, 0.5
# From so much silence on, a track's beginning is left out, but for a moment of it.
_SILENCE_S, _BEFORE_SOUND_S = 0.5, 0.05
_STAGE = "film-sound-4"
_MISSED_S = 0.1  # of a voice that is cut off: less is no syllable

_VOICE = -1
_Note = tuple[int, str]  # of which sound, or of the voice, and what

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
    start_s : of the track, where the film begins
    notes : what is to be known of its file
    """

    samples: Samples
    sha256: str
    start_s: float
    gain_db: float
    beats_s: Times
    downbeats_s: Times
    sections_s: Times
    energy: Times
    energy_per_s: float
    notes: tuple[str, ...] = ()

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


def open_song(run: Run, request: FilmInput) -> Song | None:
    """Fetch, decode and analyse the music; BadInput if it cannot be, or ends before `start_s`."""
    spec = request.music
    if spec is None:
        return None
    with about(f"the music '{spec.track}'"):
        data = run.read(spec.track, run.parts.settings.max_audio_bytes)
        found = _analyse(run, spec.track, data)
        start_s = _start_s(spec, request.timeline is not None, found["sound_starts_s"])
        samples, _ = _decode(data, _limits(run))
        samples = samples[round(start_s * RATE_HZ) :]
        if not len(samples):
            raise BadInput(f"it ends before {start_s:g} s")
        if len(samples) < FEWEST_LOOP_S * RATE_HZ:
            rest_s = len(samples) / RATE_HZ
            raise BadInput(f"from {start_s:g} s on it has {rest_s:.2f} s: too short to be looped")
    notes = list(found["notes"])
    if start_s > spec.start_s:
        notes.append(f"its first {start_s:.1f} s are silent and were left out")

    def after(times: Sequence[float]) -> Times:
        moved = np.asarray(times, np.float64) - start_s
        return moved[moved >= 0]

    return Song(
        samples=samples,
        sha256=found["sha256"],
        start_s=start_s,
        gain_db=spec.gain_db,
        beats_s=after(found["beats_s"]),
        downbeats_s=after(found["downbeats_s"]),
        sections_s=after([section["start_s"] for section in found["sections"]]),
        energy=np.asarray(found["energy"][round(start_s * found["energy_per_s"]) :]),
        energy_per_s=found["energy_per_s"],
        notes=tuple(f"the music '{spec.track}': {note}" for note in notes),
    )


def _analyse(run: Run, track: str, data: bytes) -> Json:
    """Return what is heard in a track: a film that is not cut on beats is better than none."""
    beats, storage, limits = pin_beats_if_any(run, track, data), run.parts.storage, _limits(run)
    if beats is None:
        return analyze_track(data, storage, None, limits)
    found, _ = beats.analyse(lambda model: analyze_track(data, storage, model, limits))
    return found


def _start_s(spec: MusicSpec, by_hand: bool, sound_starts_s: float) -> float:
    """Return where in the track the film begins: silence before it is heard may be left out."""
    trims = spec.trim_silence
    if trims is None:
        trims = not spec.start_s and not by_hand
    heard_s = sound_starts_s - _BEFORE_SOUND_S
    return max(spec.start_s, heard_s) if trims and sound_starts_s >= _SILENCE_S else spec.start_s


@contextmanager
def about(track: str) -> Iterator[None]:
    """Name the track at fault in every refusal, and keep what kind of refusal it is."""
    try:
        yield
    except BadInput as error:
        error.args = (f"{track}: {error}",)
        raise


def _decode(data: bytes, limits: AudioLimits) -> tuple[Samples, tuple[str, ...]]:
    """Return a file's sound as a film plays it, and what is to be known of it."""
    sound = decode_audio(data, limits, RATE_HZ)
    level = remove_offset(sound.samples)
    turned = turn_opposite(level)
    if turned is level:
        return level, sound.notes
    note = "its channels cancelled each other on one loudspeaker: one of them was turned round"
    return turned, (*sound.notes, note)


def make_sound(run: Run, request: FilmInput, song: Song | None, frames: int) -> Sound | None:
    """Mix music, sounds and voice to `frames` samples at -14 LUFS; None for a film without sound.

    What was mixed before, for another format or by an attempt that died, is taken from there.
    """
    names = {number: f"the sound '{spec.track}'" for number, spec in enumerate(request.sounds)}
    names[_VOICE] = f"the voice-over '{request.voice_over}'"
    voice = None if request.voice_over is None else _read(run, names[_VOICE], request.voice_over)
    sounds = [_read(run, names[n], spec.track) for n, spec in enumerate(request.sounds)]
    if song is None and voice is None and not sounds:
        return None
    inputs: Json = {
        "music": [song.sha256, song.start_s, song.gain_db] if song else None,
        "sounds": [
            [hashlib.sha256(data).hexdigest(), spec.model_dump(exclude={"track"})]
            for spec, data in zip(request.sounds, sounds, strict=True)
        ],
        "voice": None if voice is None else hashlib.sha256(voice).hexdigest(),
        "frames": frames,
    }

    def make() -> bytes:
        limits, notes, laid, speech = _limits(run), list[_Note](), list[Track](), None
        if voice is not None:
            with about(names[_VOICE]):
                speech, told = _decode(voice, limits)
            notes += [(_VOICE, note) for note in (*told, *_unheard(speech, _VOICE_AT_S, frames))]
        for number, (spec, data) in enumerate(zip(request.sounds, sounds, strict=True)):
            with about(names[number]):
                track, told = _open_sound(spec, data, limits)
            laid.append(track)
            if track.at_s * RATE_HZ >= frames:
                told = (*told, "it is not heard: the film ends before it begins")
            notes += [(number, note) for note in told]
        return _pack(_mix(song, laid, speech, frames), notes)

    samples, notes = _unpack(run.stage(_STAGE, inputs, make))
    told = [f"{names[number]}: {note}" for number, note in notes]
    return Sound(samples, RATE_HZ, (*(song.notes if song else ()), *told))


def _unheard(speech: Samples, at_s: float, frames: int) -> tuple[str, ...]:
    """Say how much of a voice the film is too short for; nothing where that is silent."""
    cut = max(0, frames - round(at_s * RATE_HZ))
    _, ends_s = find_sound(to_mono(speech), RATE_HZ)
    lost_s = ends_s - cut / RATE_HZ
    return () if lost_s < _MISSED_S else (f"the film ends {lost_s:.1f} s before it does",)


def _read(run: Run, name: str, track: str) -> bytes:
    with about(name):
        return run.read(track, run.parts.settings.max_audio_bytes)


def _limits(run: Run) -> AudioLimits:
    return AudioLimits(run.parts.settings.max_audio_bytes, run.parts.settings.max_audio_s)


def _open_sound(spec: SoundSpec, data: bytes, limits: AudioLimits) -> tuple[Track, tuple[str, ...]]:
    """Return a sound cut and faded as asked; BadInput if it cannot be, or ends before `start_s`."""
    samples, notes = _decode(data, limits)
    samples = samples[round(spec.start_s * RATE_HZ) :]
    if spec.length_s is not None:
        samples = samples[: round(spec.length_s * RATE_HZ)]
    if not len(samples):
        raise BadInput(f"it ends before {spec.start_s:g} s")
    fade_s = min(spec.fade_s, len(samples) / RATE_HZ / 2)
    return Track(fade(samples, RATE_HZ, fade_s, fade_s), spec.gain_db, spec.at_s), notes


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


def _pack(samples: Samples, notes: Sequence[_Note]) -> bytes:
    """Return a line with the notes, then the mix as FLAC: 24 bits are finer than AAC will be."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="FLAC", subtype="PCM_24")
    return json.dumps(notes).encode() + b"\n" + file.getvalue()


def _unpack(data: bytes) -> tuple[Samples, list[_Note]]:
    notes, _, flac = data.partition(b"\n")
    samples, _ = soundfile.read(io.BytesIO(flac), dtype="float32", always_2d=True)
    return np.asarray(samples, np.float32), [(number, note) for number, note in json.loads(notes)]
