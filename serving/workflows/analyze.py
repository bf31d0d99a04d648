"""`analyze_audio`: tempo, beats, sections and loudness of a track."""

from serving.db.tables import Json
from serving.jobs.media_requests import AudioWork
from serving.render.analysis import analyze_track
from serving.workflows.run import Run


def analyze_audio(run: Run) -> Json:
    """Analyse `input["track"]`; a track that was analysed before costs nothing."""
    work = AudioWork.model_validate(run.job.input)
    data = run.read(work.track, run.parts.settings.max_audio_bytes)
    run.check()
    return analyze_track(data, run.parts.storage)
