"""Starts the bento of the gateway where only a slim image is: `python -m bentos.try_image`.

Makes a Debian with nothing but Python in a folder (debootstrap, once), installs there what the
bento's own requirements say, copies the bento in, serves it without a database by the models
inside, and has one photo classified over HTTP. Wants root, debootstrap and a package index; takes
some minutes the first time and about one afterwards.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bentoml
import httpx

from bentos.requirements import ROOT
from serving.access.api_keys import hash_key

# Debian's release below the image `python:3.11-slim-bookworm`, and what that has beside it
_RELEASE, _PACKAGES = "bookworm", "python3,python3-venv,ca-certificates"
_PHOTO = ROOT / "datasets" / "sample_listing"
_KEY = "a key for this trial"
_PATIENCE_S = 120.0


class TrialFailed(RuntimeError):
    """The bento did not do in the root what it has to do in its image."""


def try_image(root: Path, bento: bentoml.Bento, port: int) -> dict[str, object]:
    """Serve `bento` in the Debian at `root`, made if it is not there; return its answer.

    Raises
    ------
    TrialFailed
        If it does not start, or cannot classify a photo.
    """
    if not (root / "usr").exists():
        _run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _RELEASE, str(root))
    inside = root / "bento"
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(bento.path, inside)
    with _mounted(root):
        _install(root, inside / "env" / "python" / "requirements.txt")
        # the worker is made of the same packages and source: that it can be loaded is enough
        python = ("/app/bin/python", "-m", "serving.worker", "--help")
        _run(*_inside(root, *python, PYTHONPATH="/bento/src"))
        with _serving(root, port) as url:
            return _classify(url)


def _install(root: Path, requirements: Path) -> None:
    """Install the requirements in a fresh environment, by this machine's way to the index."""
    for name in ("resolv.conf", "hosts"):  # as whatever runs a container gives it
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    certificates = root / "etc" / "ssl" / "certs" / "this-machine.crt"
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", certificates)
    ways = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    env = {name: value for name, value in os.environ.items() if name.upper() in ways}
    env |= {"PIP_CERT": f"/{certificates.relative_to(root)}", "PIP_NO_CACHE_DIR": "1"}
    name = f"/{requirements.relative_to(root)}"
    _run(*_inside(root, "python3", "-m", "venv", "--clear", "/app"))
    _run(*_inside(root, "/app/bin/pip", "install", "--quiet", "-r", name, **env))


@contextmanager
def _mounted(root: Path) -> Iterator[None]:
    """Give the root what every container has: /proc and /dev."""
    _run("mount", "-t", "proc", "proc", str(root / "proc"))
    try:
        _run("mount", "--rbind", "--make-rslave", "/dev", str(root / "dev"))
        yield
    finally:
        for name in ("dev", "proc"):
            subprocess.run(["umount", "-R", "-l", str(root / name)], check=False)


@contextmanager
def _serving(root: Path, port: int) -> Iterator[str]:
    env = {
        "SLOTS": "pinned",
        "API_KEYS": json.dumps({"trial": [hash_key(_KEY)]}),
        "STUDIO_HOME": "/tmp/studio",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    words = ("/app/bin/bentoml", "serve", "/bento", "--host", "127.0.0.1", "--port", str(port))
    server = subprocess.Popen(_inside(root, *words, **env), start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _ready(url):
            if server.poll() is not None or time.monotonic() > until:
                raise TrialFailed("the bento does not serve; its words are above")
            time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def _inside(root: Path, *words: str, **env: str) -> list[str]:
    """Return the command that runs `words` in the root, with its environment alone."""
    variables = {"PATH": "/app/bin:/usr/bin:/bin", "LANG": "C.UTF-8"} | env
    pairs = [f"{name}={value}" for name, value in variables.items()]
    return ["env", "-i", *pairs, _found("chroot"), str(root), *words]


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _classify(url: str) -> dict[str, object]:
    photo = min(_PHOTO.glob("*.jpg")).read_bytes()
    headers = {"X-API-Key": _KEY, "Content-Type": "image/jpeg"}
    path = f"{url}/internal/photos/classify"
    answer = httpx.post(path, content=photo, headers=headers, timeout=60)
    if not answer.is_success:
        raise TrialFailed(f"{answer.status_code} {answer.text}")
    result: dict[str, object] = answer.json()["results"][0]
    return result


def _run(*words: str) -> None:
    subprocess.run([_found(words[0]), *words[1:]], check=True)


def _found(program: str) -> str:
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") or program


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.try_image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bento", nargs="?", default="gateway:latest", help="default: %(default)s")
    parser.add_argument("--root", type=Path, default=Path("/var/tmp/listing-studio-image"),
                        help="the folder of the Debian; default: %(default)s")  # fmt: skip
    parser.add_argument("--port", type=int, default=3090, help="default: %(default)s")
    asked = parser.parse_args()
    if os.geteuid() != 0 or _found("debootstrap") == "debootstrap":
        parser.exit(2, "error: run it as root, on a Debian with debootstrap installed\n")
    try:
        answer = try_image(asked.root, bentoml.get(asked.bento), asked.port)
    except (TrialFailed, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    print(f"{asked.bento} serves in a slim image: {json.dumps(answer)[:200]}")


if __name__ == "__main__":
    main()
