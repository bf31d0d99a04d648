"""The container image of our bentos: what is in it, and what it is told.

Nothing but a slim Debian with Python and our pinned packages: every wheel brings its own libraries,
so no system packages, and no compilers, which BentoML would install by default.
`python -m bentos.try_image` starts a bento in a root that holds only this.
"""

from typing import Any

from bentoml.images import Image

from bentos.requirements import PYTHON, image_requirements

BASE = f"python:{PYTHON}-slim-bookworm"
# so that `docker run IMAGE python -m serving.worker` finds the bento's packages too
_SITE = "python -c 'import site; print(site.getsitepackages()[0])'"
_ON_PATH = f'echo "$BENTO_PATH/src" > "$({_SITE})/bento.pth"'
_ENV = {"BENTOML_DO_NOT_TRACK": "True"}
# as NVIDIA's container toolkit reads it; `video` is for encoding films
_GPU_ENV = {
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,video",
}


def serving_image(gpu: bool) -> Image:
    """Return the image; with `gpu`, CUDA and cuDNN are among its packages."""
    # a distribution that BentoML does not know is one that it installs nothing into
    image = Image(BASE, distro="slim", python_version=PYTHON, lock_python_packages=False)
    return image.python_packages(*image_requirements(gpu)).run(_ON_PATH)


def image_environment(gpu: bool) -> list[dict[str, Any]]:
    """Return the environment variables of the image, as BentoML wants them."""
    env = _ENV | _GPU_ENV if gpu else _ENV
    return [{"name": name, "value": value} for name, value in env.items()]
