"""A waveform is drawn as it sounds, with its beats where they are."""

from xml.etree import ElementTree

import numpy as np

from serving.audio.waveform import BAR, BEAT, Marks, draw_waveform, waveform_peaks, waveform_svg
from tests.serving.audio.music import tone

MARKS = Marks(4.0, np.array([1.0, 2.0, 3.0]), np.array([2.0]))


def test_peaks_hold_every_extreme() -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[123], samples[876] = 0.8, -0.6
    peaks = waveform_peaks(samples, 10)
    assert peaks.high.argmax() == 1
    assert peaks.low.argmin() == 8
    assert peaks.high.max() == np.float32(0.8)
    assert waveform_peaks(samples[:3], 10).low.shape == (3,)
    assert waveform_peaks(samples[:0], 10).to_json() == {"low": [], "high": [], "rms": []}


def test_draw_waveform_shows_sound_and_beats() -> None:
    samples = np.concatenate([np.zeros(4000, np.float32), tone(300, 2, 2000)])
    picture = draw_waveform(samples, 400, 80, MARKS)
    assert picture.shape == (80, 400, 4)
    assert (picture[:, :99, 3] > 0).mean() < 0.05
    assert (picture[:, 205:295, 3] > 0).mean() > 0.7
    assert tuple(picture[40 - 20, 100]) == BEAT
    assert tuple(picture[0, 200]) == BAR
    assert draw_waveform(samples[:0], 40, 10, MARKS).shape == (10, 40, 4)


def test_waveform_svg_is_a_drawing() -> None:
    root = ElementTree.fromstring(waveform_svg(tone(300, 4, 2000), 400, 80, MARKS))
    beats, bars, wave = (path.attrib["d"] for path in root)
    assert beats.count("M") == 3
    assert bars == "M200.0,0V80"
    assert wave.count("L") == 2 * 400 - 1
    ElementTree.fromstring(waveform_svg(np.zeros(0, np.float32), 400, 80, MARKS))
