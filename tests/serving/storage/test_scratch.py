"""Jobs find room for their temporary files, and nothing of theirs outlives them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.errors import StorageFull
from serving.settings import Settings
from serving.storage.scratch import Scratch, open_scratch

MB = 2**20


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch", max_bytes=2 * MB)


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "scratch").iterdir() if path.name != ".turn")


def test_a_job_has_a_folder_of_its_own_while_it_runs(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.job() as one, scratch.job() as other:
        assert one != other
        (one / "deep").mkdir()
        (one / "deep" / "frame.png").write_bytes(b"1")
        assert one.name.startswith(f"{os.getpid()}-")
        assert one.stat().st_mode & 0o077 == 0, "nobody else's business"
    assert names(tmp_path) == []


def test_a_job_that_breaks_leaves_nothing(scratch: Scratch, tmp_path: Path) -> None:
    def work() -> None:
        with scratch.job() as folder:
            (folder / "frame.png").write_bytes(b"1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert names(tmp_path) == []


def test_no_job_begins_past_the_cap(scratch: Scratch) -> None:
    with scratch.job() as folder:
        (folder / "film.mp4").write_bytes(bytes(2 * MB))
        with pytest.raises(StorageFull, match="no room"), scratch.job():
            pass
        scratch.check()
        (folder / "more.mp4").write_bytes(bytes(MB))
        with pytest.raises(StorageFull, match="3,145,728 bytes of 2,097,152"):
            scratch.check()
    with scratch.job():
        scratch.check()


def test_what_is_set_aside_counts_before_it_is_written(scratch: Scratch) -> None:
    with scratch.job(need_bytes=MB + MB // 2) as folder:
        with pytest.raises(StorageFull), scratch.job(need_bytes=MB):
            pass
        with scratch.job(need_bytes=MB // 2):
            pass
        (folder / "film.mp4").write_bytes(bytes(MB))
        assert scratch.used_bytes() == MB + MB // 2, "written within what was set aside"


def test_more_than_the_disk_has_is_refused(tmp_path: Path) -> None:
    endless = Scratch(tmp_path / "scratch", max_bytes=10**18)
    with pytest.raises(StorageFull), endless.job(need_bytes=10**17):
        pass
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_cleaned_and_what_lives_stays(
    scratch: Scratch, tmp_path: Path
) -> None:
    code = f"""
import time
from pathlib import Path
from serving.storage.scratch import Scratch
with Scratch(Path("{tmp_path}/scratch"), 2**21).job() as folder:
    (folder / "film.mp4").write_bytes(b"half")
    print(folder.name, flush=True)
    time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    name = other.stdout.readline().strip()
    with scratch.job() as mine:
        assert scratch.clean() == 0
        assert names(tmp_path) == sorted([name, mine.name])
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
        assert names(tmp_path) == sorted([name, mine.name])
        assert scratch.clean() == 1
        assert names(tmp_path) == [mine.name]


def test_opening_cleans_stray_files_past_their_age_only(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path, scratch_max_age_s=60)
    folder = settings.scratch()
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "a.txt").write_bytes(b"1")
    (folder / "young.txt").write_bytes(b"1")
    (folder / "link").symlink_to(tmp_path)
    for path in (folder / "notes", folder / "link"):
        os.utime(path, (time.time() - 3600,) * 2, follow_symlinks=False)
    open_scratch(settings)
    assert names(tmp_path) == ["young.txt"]
    assert tmp_path.exists(), "a link's target is not ours"


def test_opening_makes_nothing_until_it_is_needed(tmp_path: Path) -> None:
    scratch = open_scratch(Settings(studio_home=tmp_path))
    assert not (tmp_path / "scratch").exists()
    assert scratch.used_bytes() == 0
    with scratch.job():
        assert (tmp_path / "scratch").exists()
