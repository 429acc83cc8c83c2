"""Photographs that an officer puts beside an answer: made small enough for an MMS, and without their notes."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import ConfigError
from core.reply import Picture

_MOST_FILE_BYTES = 30_000_000
# What gateways and carriers take: a JPEG of so many bytes, and no more on a side than telephones show.
_MOST_BYTES, _SIDE = 200_000, 1_000
_QUALITIES = (85, 70, 55, 40, 25)


def picture_of(path: Path, number: int) -> Picture:
    """Returns the photograph as it goes out; where it was taken, and with what, stays here."""
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= _MOST_FILE_BYTES else b""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    if not body:
        raise ConfigError(f"{path}: has {size:,} bytes; a picture has at least one and at most {_MOST_FILE_BYTES:,}")
    return Picture(name=f"{number}.jpg", media_type="image/jpeg", data=_smaller(path, body))


def _smaller(path: Path, body: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            # Pillow only warns of pixels that would fill the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=("JPEG", "PNG", "WEBP")) as opened:
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((_SIDE, _SIDE))
                plain = upright.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise ConfigError(f"{path}: is no picture that can be sent; give a JPEG, PNG or WebP") from error
    for quality in _QUALITIES:
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= _MOST_BYTES:
            break
    return out.getvalue()
