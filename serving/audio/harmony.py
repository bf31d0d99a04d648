"""How harmony moves over a grid of beats: chords change with the bars, not between them."""

import numpy as np

from serving.audio.samples import Floats, Samples

HARMONY_BANDS = 90  # of the network's: up to 2.9 kHz, where chords and basses are
LAGS, GROUPS = (1, 2, 3, 4, 6, 8), (2, 3, 4, 8)  # in beats


def sum_spectra(features: Samples) -> Floats:
    """Return running sums of the spectra, so that the mean over any beat is one difference.

    Parameters
    ----------
    features : float32, shape (frames, 272)
        Of `network_features`.

    Returns
    -------
    float64, shape (frames + 1, 90)
        Of log magnitudes, less their mean over the piece.
    """
    levels = features[:, :HARMONY_BANDS].astype(np.float64)
    return np.cumsum(np.pad(levels - levels.mean(axis=0), ((1, 0), (0, 0))), axis=0)


def harmony_evidence(beats: Floats, summed: Floats) -> list[float]:
    """Say how alike beats sound some beats later, and how far changes of sound come in groups.

    Parameters
    ----------
    beats : frames, rising
    summed : of `sum_spectra`

    Returns
    -------
    list of float
        Mean cosine similarity after 1, 2, 3, 4, 6 and 8 beats; then, for every second, third,
        fourth and eighth beat, how much more than on all beats the sound changes on the best
        choice of them; then how much it changes on all beats.

    Notes
    -----
    At the level that is tapped, chords change every two to eight beats; at twice that level every
    four to sixteen, and half a beat off the change is heard before the beat. After M. Goto, "An
    audio-based real-time beat tracking system for music with or without drum-sounds", JNMR 30(2),
    2001, which finds the half-note and measure levels by chord changes.
    """
    spectra = spectra_of_beats(beats, summed)
    if len(spectra) < max(LAGS) + 2:
        return [0.0] * (len(LAGS) + len(GROUPS) + 1)
    alike = [float((spectra[:-lag] * spectra[lag:]).sum(axis=1).mean()) for lag in LAGS]
    changes = 1 - (spectra[:-1] * spectra[1:]).sum(axis=1)
    usual = float(changes.mean())
    grouped = [
        max(float(changes[place::group].mean()) for place in range(group)) - usual
        for group in GROUPS
    ]
    return [*alike, *grouped, usual]


def spectra_of_beats(beats: Floats, summed: Floats) -> Floats:
    """Return the mean spectrum from each beat to the next at length 1, shape (beats - 1, 90)."""
    edges = np.unique(np.rint(beats).astype(int).clip(0, len(summed) - 1))
    return at_unit_length(np.diff(summed[edges], axis=0))


def at_unit_length(spectra: Floats) -> Floats:
    """Scale every row to length 1; silence stays 0."""
    scaled: Floats = spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-9)
    return scaled


def likeness_after(beats: Floats, summed: Floats, lags: tuple[int, ...]) -> list[float]:
    """Return the mean cosine similarity of beats some beats apart; 0 where there are too few."""
    spectra = spectra_of_beats(beats, summed)
    return [
        float((spectra[:-lag] * spectra[lag:]).sum(axis=1).mean()) if len(spectra) > lag + 1 else 0
        for lag in lags
    ]


def changes_at(beats: Floats, summed: Floats) -> Floats:
    """Return how far the sound of the beat before differs from that after, 0..2, for each beat."""
    reach = max(2, round(0.9 * float(np.median(np.diff(beats)))))
    at = np.rint(beats).astype(int)
    whole = (at >= reach) & (at + reach < len(summed))
    changes = np.zeros(beats.size)
    before = at_unit_length(summed[at[whole]] - summed[at[whole] - reach])
    after = at_unit_length(summed[at[whole] + reach] - summed[at[whole]])
    changes[whole] = 1 - (before * after).sum(axis=1)
    usual = float(changes[whole].mean()) if whole.any() else 0.0
    changes[~whole] = usual
    return changes
