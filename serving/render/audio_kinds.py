"""What a file is: the kinds of sound that are read, and the names of those that are not."""

import re
from collections.abc import Iterator

# No playlists: those would make the reader open what they name. None without a mark at its start
# either: anything would be taken for it. All that FFmpeg writes and can tell from other files,
# and what people still have from players and recorders of old.
FORMATS = (
    "wav,w64,aiff,flac,mp3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,loas,ac3,eac3,caf,"
    "avi,asf,mpegts,mpeg,flv,amr,wv,opus,ape,au,tta,tak,shn,mpc,mpc8,dsf,iff,voc,sox,nut,rm,"
    "dts,dtshd,truehd,mlp,mxf,wtv,swf,oma,aea,adx,ast,rso,xwma,qcp,qoa,ircam,nistsphere,avr,"
    "pvf,mmf,wsaud,argo_asf,argo_cvg,smjpeg,spdif"
)
_LOOKED_AT = 2**20  # bytes, for what lies before the sound
_MOST_TRIED = 6

# by what a file begins with
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"MThd", "MIDI: notes for instruments, no sound; send what a player made of it"),
    (b"Extended Module: ", "a module (XM) of a tracker, which holds notes; send it rendered"),
    (b"IMPM", "a module (IT) of a tracker, which holds notes; send it rendered"),
    (b"OFR ", "OptimFROG, which is not read; send FLAC or WAV"),
    (b"LA04", "Lossless Audio (LA), which is not read; send FLAC or WAV"),
    (b"#!SILK_V3", "a SILK voice message, which is not read; send it as mp3, m4a or Ogg"),
    (b"\x02#!SILK_V3", "a SILK voice message, which is not read; send it as mp3, m4a or Ogg"),
    (b"\xc0\xde\xc2", "Codec 2, which is not read; send it as mp3, m4a or Ogg"),
    (b"#EXTM3U", "a playlist, no sound; send the track that it names"),
    (b"[playlist]", "a playlist, no sound; send the track that it names"),
    (b"ffconcat", "a playlist, no sound; send the tracks that it names"),
    (b"<asx", "a playlist, no sound; send the track that it names"),
    (b"<smil", "a playlist, no sound; send the track that it names"),
    (b"<!doctype html", "a web page, no sound; look at where it was downloaded from"),
    (b"<html", "a web page, no sound; look at where it was downloaded from"),
    (b"<?xml", "XML, no sound"),
    (b"{", "text, no sound"),
    (b"%PDF", "a PDF, no sound"),
    (b"PK\x03\x04", "a ZIP archive; send the track that is in it"),
    (b"Rar!", "a RAR archive; send the track that is in it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; send the track that is in it"),
    (b"\x1f\x8b", "compressed (gzip); send it unpacked"),
    (b"\xff\xd8\xff", "a picture (JPEG), no sound"),
    (b"\x89PNG", "a picture (PNG), no sound"),
    (b"GIF8", "a picture (GIF), no sound"),
)
# by what lies at a place: of S3M and MOD modules, a MIDI in RIFF, Audible's books, Super Audio CDs
_PLACED: tuple[tuple[int, bytes, str], ...] = (
    (44, b"SCRM", "a module (S3M) of a tracker, which holds notes; send it rendered"),
    *(
        (1080, mark, "a module (MOD) of a tracker, which holds notes; send it rendered")
        for mark in (b"M.K.", b"M!K!", b"FLT4", b"FLT8", b"6CHN", b"8CHN")
    ),
    (8, b"RMID", "MIDI: notes for instruments, no sound; send what a player made of it"),
    (8, b"WEBP", "a picture (WebP), no sound"),
    (
        4,
        b"ftypaax",
        "an Audible book, which is encrypted (DRM); it plays in Audible's players only",
    ),
    (4, b"\x57\x90\x75\x36", "an Audible book, which is encrypted (DRM)"),
    (510 * 2048, b"SACDMTOC", "the image of a Super Audio CD; send a track of it as DSF or FLAC"),
)
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free")
_PADDING = 64  # bytes
_DRM_MP4 = re.compile(rb"stsd.{12}(?:drms|enca|aavd)", re.DOTALL)
_DRM_ASF = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
_ASF = bytes.fromhex("3026b2758e66cf11")
# what only some encoders write and nothing here decodes, by its sample entry in MP4
_UNDECODED_MP4 = re.compile(rb"stsd.{12}(ac-4|mha1|mhm1|iamf|dtsx)", re.DOTALL)

_READ: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (8, b"AIF", "AIFF"),
    (4, b"ftyp", "MP4"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, b"ID3", "mp3"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (0, b"caff", "CAF"),
    (0, b"MAC ", "Monkey's Audio (APE)"),
    (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "True Audio"),
    (0, b"tBaK", "TAK"),
    (0, b".snd", "AU"),
    (0, b"DSD ", "DSF"),
    (0, b"FRM8", "DSDIFF"),
    (0, b"#!AMR", "AMR"),
    (0, b".RMF", "RealMedia"),
    (0, b"FLV", "Flash video"),
    (0, _ASF, "Windows Media"),
)

# Beginnings of files that are read; looked for behind what lies before them.
_SOUND = re.compile(
    rb"RIFF.{4}(?:WAVE|AVI )|TTA1|\x7fFLAC|fLaC|OggS\0\x02|"
    rb"ID3[\x02-\x04]\0|\x1aE\xdf\xa3|.{4}ftyp|FORM.{4}AIF[FC]|MAC |"
    rb"wvpk|caff\0|\.snd\0|#!AMR|\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    re.DOTALL,
)
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_CHAIN = 4  # frames that follow each other: chance does not do that
_MPEG_KBPS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_HZ = (44_100, 48_000, 32_000)


def name_kind(data: bytes) -> str | None:
    """Say what a file is that cannot be decoded, and what to do; None when it is not known.

    Examples
    --------
    >>> name_kind(b"%PDF-1.7")
    'the file is a PDF, no sound'
    """
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, name in _BEGINNINGS:
        if start.startswith(mark.lower()):
            return f"the file is {name}"
    for at, mark, name in _PLACED:
        if data[at : at + len(mark)] == mark:
            return f"the file is {name}"
    return _name_in_mp4(data) or _name_in_asf(data)


def name_damaged(data: bytes) -> str:
    """Say of a file in which nothing decodes what it seems to be."""
    for at, mark, name in _READ:
        if data[at : at + len(mark)] == mark:
            return f"it begins as {name} does, but is damaged or cut off so that nothing decodes"
    return "it begins like no kind of sound that is read; send WAV, FLAC, mp3, m4a or Ogg"


def _name_in_mp4(data: bytes) -> str | None:
    if data[4:8] not in _MP4_BOXES:
        return None
    if _DRM_MP4.search(data):
        return "the sound is encrypted (DRM), as bought songs (m4p) are; send another copy"
    if (found := _UNDECODED_MP4.search(data)) is not None:
        return (
            f"the sound is encoded as {found[1].decode()}, which is not read; send AAC, mp3 or FLAC"
        )
    if b"moov" not in data:
        return "the file is cut off: the index (moov) that MP4 keeps at its end is missing"
    return None


def _name_in_asf(data: bytes) -> str | None:
    if data[:8] == _ASF and any(mark in data[: 2**16] for mark in _DRM_ASF):
        return "the sound is encrypted (DRM of Windows Media); send another copy"
    return None


def mp4_padding(data: bytes) -> bytes:
    """Return zeros for the end of an MP4: its index can be read though it misses some bytes."""
    return bytes(_PADDING) if data[4:8] in _MP4_BOXES else b""


def find_sounds(data: bytes) -> Iterator[tuple[int, str | None]]:
    """Yield where sound may begin behind zeros or junk, and as what to read it (None: as it says).

    Only the first MiB is looked at, or what follows the zeros that a file begins with. The first
    place is the file's beginning: it may be its end that was in the way.
    """
    blank = len(data) - len(data.lstrip(b"\0"))
    first = max(0, blank - 4)  # some beginnings have zeros of their own
    view = data[first : first + _LOOKED_AT]
    if blank:
        yield blank, None
    for number, found in enumerate(_SOUND.finditer(view)):
        if number == _MOST_TRIED:
            break
        yield first + found.start(), None
    for found in _SYNC.finditer(view):
        if (form := _chained(data, first + found.start())) is not None:
            yield first + found.start(), form
            return


def _chained(data: bytes, at: int) -> str | None:
    """Return what four frames in a row from there are: `mp3`, `aac`, or None."""
    for form, length_at in (("mp3", _mpeg_length), ("aac", _adts_length)):
        place, count = at, 0
        while count < _CHAIN and (length := length_at(data, place)):
            place, count = place + length, count + 1
        if count == _CHAIN:
            return form
    return None


def _mpeg_length(data: bytes, at: int) -> int:
    """Return the bytes of the MPEG audio frame there; 0 when it is none."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = (head[1] >> 3) & 3, 4 - ((head[1] >> 1) & 3)
    rate, kbps = (head[2] >> 2) & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or kbps in (0, 15):
        return 0
    hz = _MPEG_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _MPEG_KBPS[1 if version == 3 else 2, layer][kbps] * 1000
    padding = (head[2] >> 1) & 1
    if layer == 1:
        return (12 * bits // hz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hz + padding


def _adts_length(data: bytes, at: int) -> int:
    """Return the bytes of the ADTS frame there; 0 when it is none."""
    head = data[at : at + 7]
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = ((head[3] & 3) << 11) | (head[4] << 3) | (head[5] >> 5)
    return length if length > 7 else 0
