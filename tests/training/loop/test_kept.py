from pathlib import Path

import numpy as np

from training.loop.kept import KeptArrays


def test_what_was_kept_is_there_for_another_process_and_nothing_else_is(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    KeptArrays(tmp_path / "kept").keep("a", array)
    later = KeptArrays(tmp_path / "kept")
    np.testing.assert_array_equal(later.recall("a"), array)
    assert later.recall("b") is None


def test_a_file_that_was_being_written_is_none(tmp_path: Path) -> None:
    kept = KeptArrays(tmp_path)
    kept.keep("a", np.zeros(3))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
