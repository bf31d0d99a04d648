"""CPU of a photo that was classified before, against one that was not.

The call itself (bytes in, answer out) in one process, and the whole gateway over HTTP, each with
the answer remembered by the process and by the database alone. Photos are 1600x1200 JPEGs.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from figures import Figures, parse
from jobs import wait_for_database
from load import measure_load
from servers import HEADERS, ROOT, gateway
from serving_cpu import make_photos

from serving.db.engine import open_engine
from serving.image import PhotoFile
from serving.models.cached import with_cache
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.objects import storage_of
from stack.processes import Stack
from stack.programs import environment, postgres


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path, default=ROOT / "datasets" / "sample_listing")
    arguments = parse(__doc__, parser)
    rounds = 5 if arguments.quick else 60
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name:
        settings = Settings(studio_home=Path(name))
        photos = [path.read_bytes() for path in make_photos(arguments.photos, Path(name))]
        with Stack(settings, postgres(settings), environment(settings)).running():
            wait_for_database(settings)
            measure_call(figures, settings, photos, rounds)
        measure_http(figures, settings, photos, rounds)
    figures.print()


def measure_call(figures: Figures, settings: Settings, photos: list[bytes], rounds: int) -> None:
    """Time the call that gateway and workers share."""
    baked = load_baked(ROOT / "registry" / "starter")
    models = LocalModels(storage_of(settings), baked, licences=settings.licences())
    engine = open_engine(settings)

    def cpu_ms(answers: Answers | None, forget: bool = False) -> float:
        predictor = with_cache(LocalPredictor(models), answers)
        started = time.process_time()
        for _ in range(rounds):
            if forget and answers is not None:
                answers.forget()
            for photo in photos:
                predictor.predict(ROOM_CLASSIFIER, [PhotoFile(photo, settings.max_pixels)])
        return (time.process_time() - started) / rounds / len(photos) * 1e3

    known = Answers(engine, 1000)
    cpu_ms(known)
    known.flush()
    worked_out = cpu_ms(None)
    figures.add("call.worked_out_cpu_ms", worked_out)
    for name, forget in (("memory", False), ("database", True)):
        remembered = cpu_ms(known, forget)
        figures.add(f"call.{name}_cpu_ms", remembered)
        figures.add(f"call.{name}_ratio", worked_out / remembered)
    engine.dispose()


def measure_http(figures: Figures, settings: Settings, photos: list[bytes], rounds: int) -> None:
    """Time the same through the gateway's whole process tree."""
    costs = {}
    for name, kept in (("worked_out", "0"), ("remembered", "1000")):
        with gateway(settings.home(), "inline", ANSWERS_KEPT=kept) as server:
            url = f"{server.url}/internal/photos/classify"
            measure_load(url, server.pid, photos, HEADERS, 8, 40)
            load = measure_load(url, server.pid, photos, HEADERS, 8, rounds * len(photos))
        costs[name] = load.cpu_ms
        figures.add(f"http.{name}_cpu_ms", load.cpu_ms)
    figures.add("http.ratio", costs["worked_out"] / costs["remembered"])


if __name__ == "__main__":
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    main()
