from pathlib import Path

from serving.render.rooms.llvm import find_llvm


def test_only_a_library_that_is_new_enough_is_taken_the_newest_first(tmp_path: Path) -> None:
    """An older one ends the process at the first room that it is to compile."""
    place = [str(tmp_path)]
    for name in ("libLLVM-14.so.1", "libLLVM-15.so", "libLLVM.so"):
        (tmp_path / name).touch()
    assert find_llvm(place) is None
    for name in ("libLLVM.so.18.1", "libLLVM.so.19.1", "libLLVM-17.so"):
        (tmp_path / name).touch()
    assert find_llvm(place) == tmp_path / "libLLVM.so.19.1"
