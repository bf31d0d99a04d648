"""CPU of the analysis of 20 photos, beside the bare runs of its models.

`bare`: each model alone over all photos: decode at its scale, shape, infer. `analysis`: what a job
does with a photo (`serving.workflows.analysis`): read, decode, ask every model about four photos at
once, measure, find tags, draw and keep the maps. Both on one thread, CPU-ms of a photo; `wall` is
the analysis of all 20 in two threads.

Needs STUDIO_DATA, and `--models`, a folder of `benchmarks/outside_models.py`, for a segmenter and a
detector while none is shipped; the starters answer for the rest.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
from figures import Figures, parse

from registry.bootstrap import STARTERS
from serving.image import PhotoFile
from serving.licences import LicencePolicy
from serving.models.analysis import TASKS, Seen, analyse, find_private_areas, look_at
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor, or_raise, prepare
from serving.models.session import OnnxSession
from serving.storage.folder import FolderStorage
from serving.storage.objects import Storage
from serving.task import is_batched

PHOTOS, BATCH = 20, 4
_PIXELS = 10**9


def bare_ms(files: Sequence[bytes], models: LocalModels, figures: Figures) -> float:
    """Return the CPU-ms of a photo by all models, each alone, and print each one's."""
    total = 0.0
    for task in TASKS:
        model = models.get(task.name)
        started = time.process_time()
        for file in files:
            inputs = or_raise(prepare(task, PhotoFile(file, _PIXELS), model)).inputs
            batched = {n: a[None] if is_batched(model.card) else a for n, a in inputs.items()}
            model.session(batched)
        each = (time.process_time() - started) / len(files) * 1e3
        figures.add(f"bare.{task.name}.cpu_ms", each)
        total += each
    return total


def analyse_batch(
    numbered: Sequence[tuple[int, bytes]], predictor: LocalPredictor, storage: Storage
) -> int:
    """Analyse some photos and keep their maps; return how many tags were found."""
    photos = [PhotoFile(file, _PIXELS) for _, file in numbered]
    looks = [look_at(photo) for photo in photos]
    said = {task.name: predictor.predict(task, photos) for task in TASKS}
    tags = 0
    for place, (number, _) in enumerate(numbered):
        by_name = {name: outcomes[place] for name, outcomes in said.items()}
        private = find_private_areas(photos[place], by_name["detector"])
        seen = Seen(str(number), photos[place].size, looks[place], by_name, private)
        found = analyse(seen, storage, 0.0)
        for name, layer in vars(found.layers).items():
            storage.write(f"analyses/{number}.{name}.png", layer or b"", "image/png")
        found.result.model_dump(mode="json")
        tags += len(found.result.tags.present)
    return tags


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    arguments, figures = parse(__doc__, parser), Figures()
    cv2.setNumThreads(1)
    listings = Path(os.environ["STUDIO_DATA"]) / "listings"
    files = [path.read_bytes() for path in sorted(listings.glob("*/*.jpg"))]
    files = files[: BATCH if arguments.quick else PHOTOS]

    def open_alone(model: bytes) -> OnnxSession:
        return OnnxSession(model, threads=1)

    baked = load_baked(STARTERS, open_alone) | load_baked(arguments.models, open_alone)
    with tempfile.TemporaryDirectory() as folder:
        storage = FolderStorage(Path(folder))
        models = LocalModels(storage, baked, licences=LicencePolicy(production=False))
        predictor = LocalPredictor(models, storage)
        numbered = list(enumerate(files))
        batches = [numbered[at : at + BATCH] for at in range(0, len(files), BATCH)]
        analyse_batch(batches[0], predictor, storage)  # warm
        bare = bare_ms(files, models, figures)
        started = time.process_time()
        tags = sum(analyse_batch(batch, predictor, storage) for batch in batches)
        analysis = (time.process_time() - started) / len(files) * 1e3
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda batch: analyse_batch(batch, predictor, storage), batches))
        wall = time.perf_counter() - began
    figures.add("bare.cpu_ms", bare)
    figures.add("analysis.cpu_ms", analysis)
    figures.add("analysis.ratio", analysis / bare)
    figures.add("analysis.wall_s", wall)
    figures.add("analysis.tags_a_photo", tags / len(files))
    figures.print()


if __name__ == "__main__":
    main()
