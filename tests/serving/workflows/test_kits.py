"""A staging job furnishes with its client's kit, in the version that it names."""

from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine

from serving.db.tables import Job
from serving.errors import UnknownKit
from serving.kits.release import ReleaseKits
from serving.kits.store import KitStore
from serving.models.predictor import Predictor
from serving.requests.staging import StageInput
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.scratch import Scratch
from serving.workflows.kits import open_kit
from serving.workflows.run import Parts, Run
from tests.serving.kits.kit_files import box_glb, own_kit, send


def test_a_job_furnishes_with_its_version_of_a_kit_that_was_changed_and_deleted_since(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    nobody = cast(Predictor, None)
    parts = Parts(settings, engine, storage, Scratch(tmp_path, 10**9), nobody)
    run = Run(parts, Job(client="a"), lambda: None, last=False)
    store = KitStore(engine, storage, ReleaseKits())
    send(store, "our_sofa", box_glb())
    store.put("a", "ours", own_kit())
    named = StageInput(photos=["a.jpg"], kit="ours", kit_version=1)
    newest = StageInput(photos=["a.jpg"], kit="ours")
    store.put("a", "ours", own_kit(title="Ours in spring"))
    assert open_kit(run, newest).kit.version == 2
    store.remove("a", "ours")
    kit = open_kit(run, named)
    assert (kit.kit.title, kit.models(("sofa_1",))["sofa_1"].size_m) == ("Ours", (2.0, 0.8, 0.9))
    assert kit.surface("oak").look.rgb
    with pytest.raises(UnknownKit):
        open_kit(run, newest)
    other = Run(parts, Job(client="b"), lambda: None, last=False)
    with pytest.raises(UnknownKit):
        open_kit(other, named)
    assert open_kit(other, StageInput(photos=["a.jpg"])).kit.id == "modern"
