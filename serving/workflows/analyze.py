"""`analyze_audio`: tempo, beats, sections and loudness of a track."""

from serving.db.tables import Json
from serving.render.analysis import analyze_track
from serving.render.audio_files import AudioLimits
from serving.requests.audio import AudioInput
from serving.workflows.beats import pin_beats
from serving.workflows.run import Run


def analyze_audio(run: Run) -> Json:
    """Analyse `input["track"]`; a track that was analysed before costs nothing."""
    request = run.input_as(AudioInput)
    settings = run.parts.settings
    data = run.read(request.track, settings.max_audio_bytes)
    run.check()
    limits = AudioLimits(settings.max_audio_bytes, settings.max_audio_s)
    beats, storage = pin_beats(run, request.track, data), run.parts.storage
    found, _ = beats.analyse(lambda model: analyze_track(data, storage, model, limits))
    return found
