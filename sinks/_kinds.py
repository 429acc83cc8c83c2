"""What a file is by its first bytes, and whether files of its kind are kept."""

import re
from collections.abc import Sequence

_UNKNOWN = "application/octet-stream"
# Programs, and what starts one when it is opened.
_PROGRAM = "application/x-executable"
_FIRST_BYTES: Sequence[tuple[bytes, str]] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"HWP Document File", "application/x-hwp"),
    (b"{\\rtf", "application/rtf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b", "application/gzip"),
    (b"MZ", _PROGRAM),
    (b"\x7fELF", _PROGRAM),
    (b"\xfe\xed\xfa\xce", _PROGRAM),
    (b"\xfe\xed\xfa\xcf", _PROGRAM),
    (b"\xce\xfa\xed\xfe", _PROGRAM),
    (b"\xcf\xfa\xed\xfe", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"dex\n", _PROGRAM),
    (b"\x00asm", _PROGRAM),
    (b"MSCF", _PROGRAM),
    (b"L\x00\x00\x00\x01\x14\x02\x00", _PROGRAM),
    (b"#!", _PROGRAM),
)
_BRANDS = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif"}
_BRANDS |= {b"avif": "image/avif", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4"}
_PAGE = re.compile(rb"(?is)\s*(<!--.{0,500}?-->\s*)?<(!doctype html|html|head|body|script)")
_DRAWING = re.compile(rb"(?is)\s*(<\?xml.{0,200}?>\s*)?(<!--.{0,500}?-->\s*)?(<!doctype svg.{0,300}?>\s*)?<svg")
_LOOKED_AT = 1_024
# By their names alone: in all of these, bytes look harmless or like others.
_PROGRAM_NAMES = re.compile(
    r"(?i).*\.(exe|com|scr|pif|bat|cmd|msi|msp|mst|cpl|dll|sys|drv|ocx|vbs?|vbe|jse?|wsf|wsh|wsc|hta|ps1|psm1|psd1|lnk|scf"
    r"|reg|inf|chm|jar|jnlp|class|apk|aab|dex|ipa|app|dmg|pkg|deb|rpm|run|sh|bash|csh|py|pyc|pl|rb|elf|so|iso|img|vhdx?"
    r"|html?|xhtml|mht(ml)?|svgz?|url|website|desktop|appx|msix|xll|docm|xlsm|pptm|dotm|xltm|potm|xlam|one)[. ]*"
)


def kind_of(body: bytes, *, named: str, served: str) -> str:
    """Returns the media type: what the bytes say, else what the message called it, else its host."""
    head = body[:_LOOKED_AT]
    for first, kind in _FIRST_BYTES:
        if head.startswith(first):
            return kind
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(head[8:12], _UNKNOWN)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and b"\x00" in head:
        return "audio/mpeg"
    if _PAGE.match(head):
        return "text/html"
    if _DRAWING.match(head):
        return "image/svg+xml"
    return next((kind for kind in (_plain(named), _plain(served)) if kind not in {"", _UNKNOWN}), _UNKNOWN)


def objection(name: str, kind: str, allowed: Sequence[str]) -> str:
    """Returns why such a file is not kept, "" when it is. `allowed` are media types, or beginnings that end in "/"."""
    if kind == _PROGRAM:
        return "it is a program; such files are not kept"
    if _PROGRAM_NAMES.fullmatch(name.strip()):
        return "its name is that of a program or a page; such files are not kept"
    if kind in {"text/html", "image/svg+xml", "application/xhtml+xml"}:
        return "a page came instead of a file; such files are not kept"
    if any(kind == one or (one.endswith("/") and kind.startswith(one)) for one in allowed):
        return ""
    return f"files of the kind {kind} are not kept; [limits] attachment_types may name it"


def _plain(kind: str) -> str:
    found = kind.partition(";")[0].strip().lower()
    return found if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,90}", found, re.ASCII) else ""
