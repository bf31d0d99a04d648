"""What was done to a picture, signed: who changes either is found out."""

import contextlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.errors import BadInput
from serving.provenance import (
    CONTENT_TYPE,
    Edit,
    Signer,
    edits_of,
    main,
    make_signer,
    own_signer,
    signer_of,
    verify,
)
from serving.settings import Settings
from tests.serving.photos.enhance.pictures import relit, room
from tests.serving.photos.enhance.test_file import saved

MADE, ORIGINAL = saved(relit(room(), 0.5)), saved(room())
EDITS = [
    Edit("clear", "furniture removed", {"tag": "movable", "share": 0.21}),
    Edit("furnish", "sofa placed", {"tag": "movable", "sku": "sofa-1"}),
]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


def test_a_manifest_says_what_was_done_to_which_picture(signer: Signer) -> None:
    manifest = signer.sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
    said = verify(manifest, MADE, "image/jpeg")
    assert edits_of(said) == EDITS
    assert said["ingredients"][0]["relationship"] == "parentOf"
    assert CONTENT_TYPE == "application/c2pa"


def test_another_picture_or_another_manifest_is_found_out(signer: Signer) -> None:
    manifest = signer.sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
    with pytest.raises(BadInput, match="not of this picture"):
        verify(manifest, ORIGINAL, "image/jpeg")
    with pytest.raises(BadInput, match="manifest"):
        verify(manifest.replace(b"sofa placed", b"lamp placed"), MADE, "image/jpeg")
    with pytest.raises(BadInput, match="no manifest"):
        verify(b"nothing", MADE, "image/jpeg")


def test_an_installation_signs_as_one_and_keeps_its_key_to_itself(tmp_path: Path) -> None:
    folder = tmp_path / "provenance"
    with ThreadPoolExecutor(4) as pool:
        signers = set(pool.map(own_signer, [folder] * 4))
    assert len(signers) == 1
    assert [file.name for file in folder.iterdir()] == ["signer.pem"]
    assert stat.S_IMODE((folder / "signer.pem").stat().st_mode) == 0o600
    signed = signers.pop().sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
    assert edits_of(verify(signed, MADE, "image/jpeg")) == EDITS


def test_who_signs_is_a_setting(tmp_path: Path, signer: Signer) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(signer.certificates)
    key.write_bytes(signer.key)
    settings = Settings(studio_home=tmp_path, provenance_certificates=chain, provenance_key=key)
    assert signer_of(settings) == signer
    key.unlink()
    with pytest.raises(BadInput, match=r"key\.pem"):
        signer_of(settings)
    assert signer_of(Settings(studio_home=tmp_path)) != signer


def test_the_command_tells_what_was_done(
    tmp_path: Path,
    signer: Signer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = signer.sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
    files = {"made.jpg": MADE, "other.jpg": ORIGINAL, "made.c2pa": manifest}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for picture, said in (
        ("made.jpg", "furnish: sofa placed"),
        ("other.jpg", "not of this picture"),
    ):
        monkeypatch.setattr("sys.argv", ["", str(tmp_path / picture), str(tmp_path / "made.c2pa")])
        with contextlib.suppress(SystemExit):
            main()
        told = capsys.readouterr()
        assert said in told.out + told.err


def test_a_certificate_that_cannot_sign_is_refused(signer: Signer) -> None:
    other = Signer(signer.certificates, make_signer().key)
    with pytest.raises(BadInput, match="cannot be signed"):
        other.sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
