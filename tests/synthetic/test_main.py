import pytest

from synthetic.__main__ import main


def test_main_explains_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert "room" in printed
    assert "sample" in printed


def test_main_refuses_a_room_type_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["room", "--type", "ballroom", "--out", "x"])
    assert "ballroom" in capsys.readouterr().err
