"""Every container and codec that FFmpeg writes is played, however damaged, or named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.render.audio_files import DecodedAudio, decode_audio
from tests.serving.render.sound_files import (
    BARE,
    CONTAINERS,
    DAMAGE,
    SECONDS,
    TONE_HZ,
    codec_of,
    junk,
    sound_file,
)

# A player plays these too, with bytes of something else around them or with their end missing.
FORGIVING = {"tag before", "tag behind", "zeros before", "junk before", "junk behind"}
USUAL = {
    "wav",
    "mp3",
    "flac",
    "ogg",
    "ipod",
    "mp4",
    "matroska",
    "webm",
    "aiff",
    "caf",
    "asf",
    "mov",
}


def played_or_named(data: bytes) -> tuple[DecodedAudio | None, str]:
    """Return what is played, or why nothing is."""
    try:
        return decode_audio(data), ""
    except BadInput as error:
        return None, str(error)


def played_hz(sound: DecodedAudio) -> float:
    """Return the pitch of what is heard."""
    samples = sound.samples[:, 0] * np.hanning(len(sound.samples))
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum.argmax() * sound.sample_rate_hz / len(samples))


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_ffmpeg_writes_is_played_and_damaged_it_is_played_or_named(container: str) -> None:
    for codec in CONTAINERS[container].split():
        whole = sound_file(container, codec)
        for name, damage in DAMAGE.items():
            what = f"{codec} in {container}, {name}"
            sound, refusal = played_or_named(damage(whole))
            if sound is None:
                assert name != "whole", what
                assert container not in USUAL or name not in FORGIVING, what
                assert len(refusal) > 20, what
                continue
            assert np.isfinite(sound.samples).all(), what
            assert len(sound.samples), what
            if name == "whole":
                assert sound.notes == (), what
                assert SECONDS - 0.02 < sound.seconds < SECONDS + 0.2, what
                assert played_hz(sound) == pytest.approx(TONE_HZ, abs=15), what


@pytest.mark.parametrize("form", BARE)
def test_what_has_no_header_is_refused_with_what_to_send(form: str) -> None:
    with pytest.raises(BadInput, match=r"send WAV|holds no sound that can be decoded"):
        decode_audio(sound_file(form, codec_of(form)))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_raises_another_error(data: st.DataObject) -> None:
    container = data.draw(st.sampled_from(sorted(CONTAINERS)))
    codec = data.draw(st.sampled_from(CONTAINERS[container].split()))
    damaged = bytearray(sound_file(container, codec))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        end = at + data.draw(st.sampled_from([1, 1, 1, 4, 300]))
        damaged[at:end] = data.draw(st.sampled_from([b"", b"\0", b"\xff" * 4, junk(40)]))
    try:
        sound = decode_audio(bytes(damaged))
    except BadInput:
        return
    assert np.isfinite(sound.samples).all()
