"""The design kit of a job, and its furniture."""

from collections.abc import Mapping
from dataclasses import dataclass

from serving.errors import BadInput
from serving.kits.meshes import look_of, models_of
from serving.kits.read import read_kits
from serving.requests.staging import StageInput
from serving.staging.kit import Kit
from serving.staging.process import Surface
from serving.staging.things import Model
from serving.workflows.run import Run


@dataclass(frozen=True)
class KitOf:
    """A kit, and what reads its furniture."""

    kit: Kit

    def models(self, skus: tuple[str, ...]) -> Mapping[str, Model]:
        """Return furniture of the kit, ready to be put somewhere."""
        return models_of(self.kit, skus)

    def surface(self, name: str) -> Surface:
        """Return a finish of the kit as a floor or a wall has it."""
        finish = self.kit.finishes[name]
        return Surface(look_of(finish), finish.texture_cm / 100)


def open_kit(run: Run, request: StageInput) -> KitOf:
    """Return the kit that a job names."""
    del run
    kits = read_kits()
    if request.kit not in kits:
        raise BadInput(f"there is no design kit '{request.kit}'; there are {', '.join(kits)}")
    return KitOf(kits[request.kit])
