"""A segment's packets as one value that can be kept."""

import json
import struct
from dataclasses import dataclass

from serving.errors import Corrupted

_MAGIC = b"VLS1"
_HEAD = struct.Struct(">4sI")


@dataclass(frozen=True)
class CodedPacket:
    """A coded picture: its bytes, its place among those shown, whether decoding can begin there."""

    data: bytes
    shown: int
    key: bool


@dataclass(frozen=True)
class CodedSegment:
    """Pictures in the order in which they are decoded, and the codec's header (Annex B)."""

    header: bytes
    packets: tuple[CodedPacket, ...]

    def to_bytes(self) -> bytes:
        """Return it as bytes."""
        table = [[len(packet.data), packet.shown, packet.key] for packet in self.packets]
        text = json.dumps({"header": self.header.hex(), "packets": table}).encode()
        payload = (packet.data for packet in self.packets)
        return b"".join([_HEAD.pack(_MAGIC, len(text)), text, *payload])


def read_segment(data: bytes) -> CodedSegment:
    """Undo `to_bytes`.

    Raises
    ------
    Corrupted
        Cut short, or something else.
    """
    try:
        magic, size = _HEAD.unpack_from(data)
        head = json.loads(data[_HEAD.size : _HEAD.size + size])
        packets, at = [], _HEAD.size + size
        for length, shown, key in head["packets"]:
            packets.append(CodedPacket(data[at : at + length], shown, key))
            at += length
        header = bytes.fromhex(head["header"])
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise Corrupted("a segment", "its own format", "another") from error
    if magic != _MAGIC or at != len(data):
        raise Corrupted("a segment", "its whole length", "another")
    return CodedSegment(header, tuple(packets))
