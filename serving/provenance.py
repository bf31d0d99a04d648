"""What was done to a picture, signed: a C2PA manifest that lies beside the picture's file.

Beside it and not in it, so that the same work gives the same bytes: a manifest has a name of its
own each time, and signatures are random. Source: C2PA specification 2.2 (actions, ingredients,
external manifests), IPTC digital source types.
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.errors import BadInput
from serving.image.kinds import kind_of
from serving.image.metadata import COMPOSITE
from serving.settings import Settings

CONTENT_TYPE = "application/c2pa"
_GENERATOR = "Virtual Listing Studio"
_EDITED = "c2pa.edited"  # to C2PA, `placed` and `removed` are of other files
_YEARS = 10
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Edit:
    """One thing that was done to a picture.

    Attributes
    ----------
    operation : such as `clear` or `furnish`
    description : for people
    details : what a program may want to know of it
    """

    operation: str
    description: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Signer:
    """Who vouches for manifests: a chain of certificates and the key of its first, both PEM."""

    certificates: bytes
    key: bytes

    def sign(
        self, made: bytes, content_type: str, original: bytes, original_type: str,
        title: str, edits: Sequence[Edit],
    ) -> bytes:  # fmt: skip
        """Return the manifest of a picture that was made from another.

        Parameters
        ----------
        made, original : files of pictures
        title : of the new picture, such as its name

        Raises
        ------
        BadInput
            The certificates or the key cannot sign.
        """
        import c2pa  # fifty megabytes: loaded by who signs

        info = c2pa.C2paSignerInfo(
            alg=b"es256", sign_cert=self.certificates, private_key=self.key, ta_url=None
        )
        try:
            builder = c2pa.Builder(json.dumps(_manifest(title, content_type, edits)))
            builder.set_no_embed()
            parent = {"title": "original", "relationship": "parentOf", "instance_id": "original"}
            builder.add_ingredient(json.dumps(parent), original_type, io.BytesIO(original))
            signer = c2pa.Signer.from_info(info)
            return bytes(builder.sign(signer, content_type, io.BytesIO(made), io.BytesIO()))
        except c2pa.C2paError as error:
            raise BadInput(f"the edits cannot be signed: {error}") from error


def verify(manifest: bytes, made: bytes, content_type: str) -> dict[str, Any]:
    """Return what a manifest says of a picture.

    Raises
    ------
    BadInput
        It is of another picture, or was changed. Who signed is not judged.
    """
    import c2pa

    try:
        reader = c2pa.Reader(content_type, io.BytesIO(made), manifest_data=manifest)
        said: dict[str, Any] = json.loads(reader.json())
    except c2pa.C2paError as error:
        raise BadInput(f"this is no manifest: {error}") from error
    if said.get("validation_state") not in ("Valid", "Trusted"):
        codes = [one["code"] for one in said.get("validation_status", [])]
        raise BadInput(f"the manifest is not of this picture: {', '.join(codes)}")
    manifests: dict[str, Any] = said["manifests"]
    active: dict[str, Any] = manifests[said["active_manifest"]]
    return active


def edits_of(manifest: Mapping[str, Any]) -> list[Edit]:
    """Return what a verified manifest says was done, but that a picture was opened."""
    return [
        Edit(one["parameters"]["operation"], one["description"], one["parameters"]["details"])
        for assertion in manifest["assertions"]
        if assertion["label"].startswith("c2pa.actions")
        for one in assertion["data"]["actions"]
        if one["action"] == _EDITED
    ]


def _manifest(title: str, content_type: str, edits: Sequence[Edit]) -> dict[str, Any]:
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["original"]}}
    done = [
        {
            "action": _EDITED,
            "description": edit.description,
            "digitalSourceType": COMPOSITE,
            "parameters": {"operation": edit.operation, "details": dict(edit.details)},
        }
        for edit in edits
    ]
    return {
        "claim_generator_info": [{"name": _GENERATOR}],
        "title": title,
        "format": content_type,
        "instance_id": f"xmp:iid:{uuid.uuid4()}",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [opened, *done]}}],
    }


def signer_of(settings: Settings) -> Signer:
    """Return who signs: as the settings say, else this installation's own.

    Raises
    ------
    BadInput
        If a file of the settings cannot be read.
    """
    if settings.provenance_key is None or settings.provenance_certificates is None:
        return own_signer(settings.home() / "provenance")
    try:
        return Signer(
            settings.provenance_certificates.read_bytes(), settings.provenance_key.read_bytes()
        )
    except OSError as error:
        raise BadInput(f"who signs cannot be read: {error}") from error


def own_signer(folder: Path) -> Signer:
    """Return a signer of this installation's own, made when it is first asked for.

    Key and certificates are one file, which whoever comes first makes: workers that begin at once
    sign as one. Programs that read manifests say of it that they do not know who that is.
    """
    file = folder / "signer.pem"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = make_signer()
        partial = folder / f"signer.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        partial.touch(mode=0o600)
        partial.write_bytes(made.key + made.certificates)
        with contextlib.suppress(FileExistsError):
            os.link(partial, file)
        partial.unlink()
    key, begin, rest = file.read_bytes().partition(_CERTIFICATE)
    return Signer(begin + rest, key)


def make_signer() -> Signer:
    """Return a new key and certificate under a new authority, by C2PA's certificate profile."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(of: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, _GENERATOR)
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, of)])

    def usage(signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=signs, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=not signs,
            crl_sign=not signs, encipher_only=False, decipher_only=False,
        )  # fmt: skip

    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.datetime.now(datetime.UTC)

    def certificate(of: str, key: ec.EllipticCurvePrivateKey, signs: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(of))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
            .add_extension(x509.BasicConstraints(not signs, None), critical=True)
            .add_extension(usage(signs), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False
            )
        )
        if signs:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        return builder.sign(root, hashes.SHA256())

    pem = serialization.Encoding.PEM
    chain = certificate("signer", leaf, True), certificate("authority", root, False)
    key = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Signer(b"".join(one.public_bytes(pem) for one in chain), key)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.provenance",
        description="Say what was done to a picture, if its manifest is of it and unchanged.",
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("manifest", type=Path)
    asked = parser.parse_args()
    picture = asked.picture.read_bytes()
    content_type = f"image/{str(kind_of(picture)).lower()}"
    try:
        said = verify(asked.manifest.read_bytes(), picture, content_type)
    except BadInput as error:
        parser.exit(1, f"{error}\n")
    for edit in edits_of(said):
        print(f"{edit.operation}: {edit.description}")


if __name__ == "__main__":
    main()
