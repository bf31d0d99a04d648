"""Opens a process's models as the settings say, and keeps them up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from serving.models.local import LocalModels, OpenSession, load_baked
from serving.models.slots import Published, SlotFollower
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.tasks import TASKS, AnyTask


@dataclass(frozen=True)
class OpenModels:
    """A process's models, and the thread that keeps them in line with the slots."""

    models: LocalModels
    follower: SlotFollower | None

    def close(self, wait: bool = True) -> None:
        """Stop following; the models stay as they are."""
        if self.follower is not None:
            self.follower.stop(wait)


def open_models(
    settings: Settings,
    storage: Storage,
    engine: Engine | None,
    baked: Path,
    open_session: OpenSession,
    tasks: Mapping[str, AnyTask] = TASKS,
) -> OpenModels:
    """Load what is baked in below `baked`, then follow the slots unless they are pinned."""
    models = LocalModels(
        storage, load_baked(baked, open_session, tasks), open_session, settings.licences(), tasks
    )
    if engine is None:
        return OpenModels(models, None)
    follower = SlotFollower(engine, models.apply, settings.slots_poll_s)
    follower.start()
    return OpenModels(models, follower)


def follow_slots(settings: Settings, engine: Engine | None) -> SlotFollower | None:
    """Follow the slots where no models are held; None if there is no database to follow them in."""
    if engine is None:
        return None
    follower = SlotFollower(engine, lambda _: None, settings.slots_poll_s)
    follower.start()
    return follower


def open_slot(
    settings: Settings,
    storage: Storage,
    source: Engine | Published,
    task: AnyTask,
    slot: str,
    open_session: OpenSession,
) -> OpenModels:
    """Hold what is published for a slot beside the champion; nothing baked in answers for it.

    Parameters
    ----------
    source : a database of which the slots are followed, or the one version to hold to the end
    """
    models = LocalModels(storage, None, open_session, settings.licences(), {task.name: task}, slot)
    if isinstance(source, Published):
        models.apply({(task.name, slot): source})
        return OpenModels(models, None)
    follower = SlotFollower(source, models.apply, settings.slots_poll_s)
    follower.start()
    return OpenModels(models, follower)
