"""The design kit of a job, and its furniture."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.kits.folders import KitFolders
from serving.kits.meshes import look_of, models_of
from serving.kits.read import FOLDER
from serving.kits.release import ReleaseKits
from serving.kits.store import KitStore, StoredKit
from serving.requests.staging import StageInput
from serving.staging.kit import Kit
from serving.staging.process import Surface
from serving.staging.showroom import Finished
from serving.staging.things import Model
from serving.workflows.run import Run


@dataclass(frozen=True)
class KitOf:
    """A kit, and the folder of its meshes and textures."""

    kit: Kit
    folder: Path

    def models(self, skus: tuple[str, ...]) -> Mapping[str, Model]:
        """Return furniture of the kit, ready to be put somewhere."""
        return models_of(self.kit, skus, self.folder)

    def surface(self, name: str) -> Surface:
        """Return a finish of the kit as a floor or a wall has it."""
        finish = self.kit.finishes[name]
        return Surface(look_of(finish, self.folder), finish.texture_cm / 100)

    def finished(self) -> Finished:
        """Return what a room becomes with it."""
        kit = self.kit
        return Finished(kit, self.surface(kit.floor), self.surface(kit.wall), self.models)


def store_of(run: Run) -> KitStore:
    """Return the kits of all clients."""
    return KitStore(run.parts.engine, run.parts.storage, ReleaseKits())


def open_kit(run: Run, request: StageInput) -> KitOf:
    """Return the kit that a job names: of the release, or of its client.

    Raises
    ------
    UnknownKit
        There is none of that name, or not in that version.
    """
    store = store_of(run)
    client, version = run.job.client, request.kit_version
    if version is None:  # asked for by who does not go through the gateway, such as a batch
        version = store.read(client, request.kit).kit.version
    return unpack(run, store, store.resolve(client, request.kit, version))


def unpack(run: Run, store: KitStore, stored: StoredKit) -> KitOf:
    """Return a version of a kit with its files in a folder."""
    folders = KitFolders(store, run.parts.settings.home() / "kits", FOLDER)
    return KitOf(stored.kit, folders.folder_of(stored))
