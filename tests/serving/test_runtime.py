import pytest

from serving.models.runtime import RuntimeNotUsable, check_runtime, cuda_devices


@pytest.mark.parametrize("one", ["onnxruntime", "onnxruntime-gpu"])
def test_one_runtime_is_right(one: str) -> None:
    check_runtime({one, "numpy"})


def test_two_runtimes_in_one_environment_are_refused_with_what_to_do() -> None:
    with pytest.raises(RuntimeNotUsable, match=r"both installed(.|\n)*pip uninstall"):
        check_runtime({"onnxruntime", "onnxruntime-gpu"})


def test_no_runtime_is_refused_with_the_extra_that_brings_one() -> None:
    with pytest.raises(RuntimeNotUsable, match="extra `cpu`, or `gpu`"):
        check_runtime(set())


def test_this_environment_has_one() -> None:
    check_runtime()
    assert cuda_devices() >= 0
