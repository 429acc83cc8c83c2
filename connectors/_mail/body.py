"""What a mail says and what came with it: the text a reader would see, and the attachments."""

from hashlib import sha256

import msgspec

from connectors._mail import decode, html, tnef
from connectors._mail.mime import Part
from core.message import Attachment
from core.text import clean

# A text for people; the rest of a longer one stays in the raw mail.
CHARACTERS = 100_000
# Enough for that, with room for tags.
_TEXT_BYTES = 4 * html.CHARACTERS
_NAME_CHARACTERS = 200


class Body(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    attachments: tuple[Attachment, ...]


def gather(root: Part) -> Body:
    """Returns the clean text (quotes and signatures still in it) and the attachments of a mail."""
    packed = _packed_texts(root)
    shown = _shown(root)
    if not any(_text(leaf).strip() for leaf in shown):
        shown = [*shown, *packed]
    texts = [text for leaf in shown if (text := _tidy(_text(leaf)))]
    leaves = root.leaves()
    seen = {id(leaf) for leaf in (*shown, *packed)} | {id(leaf) for leaf in _other_wordings(root)}
    attachments = tuple(
        _attachment(leaf, number)
        for number, leaf in enumerate(leaves, start=1)
        if id(leaf) not in seen and (leaf.body.strip() or _name(leaf))
    )
    return Body(text="\n\n".join(texts)[:CHARACTERS], attachments=attachments)


def plain_text(leaf: Part) -> str:
    """Returns a text part's characters, soft line ends (format=flowed) joined."""
    text = decode.text_of(leaf.content()[:_TEXT_BYTES], leaf.params.get("charset", ""))
    if leaf.params.get("format", "").lower() == "flowed":
        return _unflowed(text, deletes=leaf.params.get("delsp", "").lower() == "yes")
    return text


def _shown(part: Part) -> list[Part]:
    """The parts that a mail program shows as the text, in order."""
    if not part.children:
        return [part] if _is_text(part) else []
    if part.media_type in tnef.MEDIA_TYPES:
        return []
    if part.media_type == "multipart/alternative":
        return _preferred(part)
    if part.media_type == "multipart/related":
        return _shown(part.children[0])
    if part.media_type == "multipart/report":
        return _shown(part.children[0])
    return [leaf for child in part.children for leaf in _shown(child)]


def _packed_texts(part: Part) -> list[Part]:
    """The texts in a winmail.dat: the same that the mail says, when it says anything."""
    if part.media_type in tnef.MEDIA_TYPES:
        return [child for child in part.children if _is_text(child)]
    return [leaf for child in part.children for leaf in _packed_texts(child)]


def _preferred(part: Part) -> list[Part]:
    """Of several wordings the plain one, unless it says nothing."""
    wordings = [shown for child in part.children if (shown := _shown(child))]
    plain = [shown for shown in wordings if shown[0].media_type == "text/plain" and _text(shown[0]).strip()]
    return next(iter(plain or wordings[::-1]), [])


def _other_wordings(part: Part) -> list[Part]:
    """The leaves of alternatives that were not chosen and are texts: no attachments either."""
    if part.media_type == "multipart/alternative":
        return [leaf for leaf in part.leaves() if _is_text(leaf)]
    return [leaf for child in part.children for leaf in _other_wordings(child)]


def _is_text(leaf: Part) -> bool:
    if leaf.media_type not in ("text/plain", "text/html"):
        return False
    disposition = decode.parameters(leaf.get(b"content-disposition"))
    return disposition[0] != "attachment" and not disposition[1].get("filename") and not leaf.params.get("name")


def _text(leaf: Part) -> str:
    if leaf.media_type == "text/html":
        return html.text_of(decode.text_of(leaf.content()[:_TEXT_BYTES], leaf.params.get("charset", "")))
    return plain_text(leaf)


def _tidy(text: str) -> str:
    return clean("\n".join(map(str.rstrip, text[: 4 * CHARACTERS].split("\n"))))


def _attachment(leaf: Part, number: int) -> Attachment:
    content = leaf.content()
    return Attachment(
        name=_name(leaf) or _made_up(leaf.media_type, number),
        media_type=clean(leaf.media_type),
        size=len(content),
        digest=sha256(content).hexdigest(),
        place=f"raw:{number}",
    )


def _made_up(media_type: str, number: int) -> str:
    """A picture that a mail shows within its text often has no name."""
    kind, _, extension = media_type.partition("/")
    return f"image{number}.{extension}" if kind == "image" and extension.isalnum() else ""


def _name(leaf: Part) -> str:
    """Returns the file's own name without any folder: it may come from a stranger's disk or mean harm."""
    _, disposition = decode.parameters(leaf.get(b"content-disposition"))
    name = disposition.get("filename") or leaf.params.get("name", "")
    if not name and leaf.media_type == "message/rfc822":
        return "message.eml"
    return name.replace("\\", "/").rpartition("/")[2].strip(" .")[:_NAME_CHARACTERS]


def _unflowed(text: str, *, deletes: bool) -> str:
    """A line that ends in a blank goes on in the next one (RFC 3676)."""
    pieces: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        flows = line.endswith(" ") and line != "-- " and not line.startswith(">")
        pieces.append((line[:-1] if deletes else line) if flows else line + "\n")
    return "".join(pieces)
