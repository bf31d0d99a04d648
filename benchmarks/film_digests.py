"""Print the digest of a film in every shipped template, to see whether a change moved a byte.

The sample listing is cut to its music, small (640x360), and rendered from nothing with sound. Run
it before and after a change that ought to leave films as they are, and compare the SHA-256.
"""

import dataclasses
import hashlib
import tempfile
from pathlib import Path

from figures import parse
from film_sheet import LISTING, plan_listing, sources_of

from registry.bootstrap import STARTERS
from serving.audio.analyze import CURVE_PER_S, analyze
from serving.models.beats import open_baked_beats
from serving.render.audio_files import decode_audio
from serving.render.film import Options, render_film
from serving.render.sound import Sound
from serving.render.template_files import shipped_templates
from serving.video.edit.cut_points import make_music


def main() -> None:
    """Run the command line."""
    quick = parse(__doc__).quick
    track = decode_audio((LISTING / "music.flac").read_bytes())
    found = analyze(track.samples, track.sample_rate_hz, open_baked_beats(STARTERS))
    music = make_music(found.beats_s, found.downbeats_s, found.energy, 1 / CURVE_PER_S)
    print(f"{digest(repr(dataclasses.astuple(music)).encode())}  music", flush=True)
    templates = list(shipped_templates().values())[: 2 if quick else None]
    with tempfile.TemporaryDirectory() as folder:
        for template in templates:
            plan = plan_listing(
                template, (360, 640) if template.suits == "tall" else (640, 360), music
            )
            file = Path(folder) / "film.mp4"
            sound = Sound(track.samples, track.sample_rate_hz)
            render_film(plan.film, sources_of(plan), file, Options(sound=sound))
            print(f"{digest(file.read_bytes())}  {template.name}", flush=True)


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
