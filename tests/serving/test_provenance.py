"""What was done to a picture, signed: who changes either is found out."""

import stat
from pathlib import Path

import pytest

from serving.errors import BadInput
from serving.provenance import CONTENT_TYPE, Edit, Signer, edits_of, make_signer, own_signer, verify
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
    first = own_signer(tmp_path / "provenance")
    assert own_signer(tmp_path / "provenance") == first
    assert stat.S_IMODE((tmp_path / "provenance" / "key.pem").stat().st_mode) == 0o600


def test_a_certificate_that_cannot_sign_is_refused(signer: Signer) -> None:
    other = Signer(signer.certificates, make_signer().key)
    with pytest.raises(BadInput, match="cannot be signed"):
        other.sign(MADE, "image/jpeg", ORIGINAL, "image/jpeg", "0.jpg", EDITS)
