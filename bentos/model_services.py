"""The services of all tasks' models: those whose folder lies beside this file."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from serving.tasks import TASKS


def model_services(change: Callable[[type], type] = lambda service: service) -> dict[str, type]:
    """Return each task's service, by the task's name, from `bentos/TASK/service.py`.

    Parameters
    ----------
    change : is given each service and returns the one to use, such as one with a GPU
    """
    folders = {task: task.replace("-", "_") for task in TASKS}
    here = Path(__file__).parent
    return {
        task: change(import_module(f"bentos.{folder}.service").Service)
        for task, folder in folders.items()
        if (here / folder / "service.py").is_file()
    }
