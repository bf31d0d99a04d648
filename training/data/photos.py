"""Which photos there are: every source of a manifest, listed."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from serving.errors import BadInput
from training.data.manifest import Manifest, Source
from training.data.objects import MISSING, Stored, list_objects, read_photo, stat_object


@dataclass(frozen=True)
class Photo:
    """One photo of one source.

    Attributes
    ----------
    uri : `file:///…` or `s3://…`
    label : as the source says, through its class mapping; the taxonomy may not know it
    source : the source's name in the manifest
    listing : `source/id` of the property it belongs to; None when each photo stands for itself
    stamp : size with mtime or ETag, `missing` when it is not there
    """

    uri: str
    label: str
    source: str
    listing: str | None
    stamp: str


def list_photos(manifest: Manifest, studio_data: str | Path | None) -> tuple[Photo, ...]:
    """List the photos of every source, in the manifest's order and by URI within a source.

    Raises
    ------
    BadInput
        If a source's folder, table, bucket or column is not there, or a source is empty.
    """
    return tuple(
        photo for source in manifest.sources for photo in _list_source(source, studio_data)
    )


def _list_source(source: Source, studio_data: str | Path | None) -> Iterator[Photo]:
    location = _to_uri(source, studio_data)
    listed = _list_table if source.kind == "csv" else _list_classes
    for stored, folder_or_label, listing in listed(source, location):
        label = source.classes.get(folder_or_label, folder_or_label)
        full_listing = f"{source.name}/{listing}" if listing else None
        yield Photo(stored.uri, label, source.name, full_listing, stored.stamp)


def _to_uri(source: Source, studio_data: str | Path | None) -> str:
    if source.location.startswith("s3://"):
        return source.location.rstrip("/")
    path = Path(source.location).expanduser()
    if not path.is_absolute():
        if studio_data is None:
            raise BadInput(
                f"the source '{source.name}' lies below the data folder; set STUDIO_DATA to it"
            )
        if str(studio_data).startswith("s3://"):
            return f"{str(studio_data).rstrip('/')}/{source.location.strip('/')}"
        path = Path(studio_data).expanduser().absolute() / path
    return path.as_uri()


def _list_classes(source: Source, location: str) -> Iterator[tuple[Stored, str, str | None]]:
    for stored in list_objects(location):
        key = stored.uri.removeprefix(f"{location}/")
        path = PurePosixPath(key if location.startswith("s3://") else unquote(key))
        if len(path.parts) < 2:
            raise BadInput(f"'{stored.uri}' lies in no class; expected {location}/CLASS/PHOTO")
        named = path.stem if source.listing == "first" else path.parts[0]
        yield stored, named, _listing_of(path, source)


def _listing_of(path: PurePosixPath, source: Source) -> str | None:
    if source.listing == "stem":
        return path.stem
    if source.listing == "first":
        return path.parts[0]
    if source.listing == "folder":
        if len(path.parts) < 3:
            raise BadInput(f"'{path}' of '{source.name}' lies in no listing: CLASS/LISTING/PHOTO")
        return path.parts[1]
    return None


def _list_table(source: Source, location: str) -> Iterator[tuple[Stored, str, str | None]]:
    if stat_object(location).stamp == MISSING:
        raise BadInput(f"there is no table '{location}' for the source '{source.name}'")
    rows = csv.DictReader(io.StringIO(read_photo(location).decode("utf-8-sig")))
    absent = {"uri", "label"} - set(rows.fieldnames or ())
    if absent:
        raise BadInput(f"'{location}' lacks the column(s) {', '.join(sorted(absent))}")
    folder = location.rpartition("/")[0]
    for number, row in enumerate(rows, start=2):
        if not row["uri"] or not row["label"]:
            raise BadInput(f"line {number} of '{location}' lacks its uri or label")
        yield stat_object(_resolve(row["uri"], folder)), row["label"], row.get("listing") or None


def _resolve(uri: str, folder: str) -> str:
    """Make a table's entry a URI; a relative one lies beside the table."""
    if "://" in uri:
        return uri
    if folder.startswith("s3://"):
        return f"{folder}/{uri}"
    return (Path(unquote(folder.removeprefix("file://"))) / uri).as_uri()
