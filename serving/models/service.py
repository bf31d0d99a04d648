"""What a model service does with the items it is sent, whatever carries them."""

from collections.abc import Sequence

from serving.errors import BadInput, ModelUnavailable, StudioError
from serving.models.local import Loaded, Models
from serving.models.predictor import Prepared, answer_timed
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.storage.objects import Storage
from serving.tasks import AnyTask


def answer_items(
    task: AnyTask, models: Models, items: Sequence[Item], storage: Storage | None = None
) -> list[Reply]:
    """Answer each item, in order, with the version that it names; what breaks one fails alone.

    Parameters
    ----------
    storage : for the large maps and pictures of answers; None: they stay in the answer
    """
    places: dict[PinnedVersion | None, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(item.pin, []).append(place)
    replies: dict[int, Reply] = {}
    for pin, alike in places.items():
        try:
            model = _model(task, models, pin)
        except ModelUnavailable as error:  # no fault of the service's own
            replies |= dict.fromkeys(alike, Reply.of(task, error))
            continue
        prepared = [_unpack(items[place]) for place in alike]
        said = answer_timed(task, model, prepared, storage)
        for place, one in zip(alike, said, strict=True):
            replies[place] = Reply.of(task, one, model.identity)
    return [replies[place] for place in range(len(items))]


def find_version(task: AnyTask, models: Models, pin: PinnedVersion | None) -> VersionReply:
    """Describe the version that answers now, or the one that is named."""
    try:
        return VersionReply.of(_model(task, models, pin))
    except ModelUnavailable as error:
        return VersionReply(error=error.reason)


def _model(task: AnyTask, models: Models, pin: PinnedVersion | None) -> Loaded:
    return models.get(task.name) if pin is None else models.pinned(task.name, pin.model_dump())


def _unpack(item: Item) -> Prepared | StudioError:
    try:
        return item.prepared()
    except BadInput as error:
        return error
