"""HTML to readable text, in time linear in its length.

The standard parser needs minutes for a few hundred kilobytes of unclosed tags, so tags are found here by plain search.
"""

import html
import re
from collections import Counter

CHARACTERS = 400_000
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,30})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_HIDING = re.compile(r"display:none|visibility:hidden|font-size:0(?![.\d])|(?:^|;)opacity:0(?![.\d])|mso-hide:all")
_BLANKS = re.compile(r"\s+")
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_RAW_TEXT = frozenset({"script", "style", "textarea", "title"})
_SILENT = frozenset({*_RAW_TEXT, "head", "template", "noscript", "svg", "object", "iframe", "select"})
_ROOMY = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "ul", "ol"})
_BREAKING = frozenset({*_ROOMY, "address", "article", "aside", "br", "center", "dd", "div", "dl", "dt", "footer"})
_BREAKING |= {"fieldset", "figure", "form", "header", "hr", "li", "main", "nav", "pre", "section", "tr"}
_DEPTH = 100


def text_of(source: str) -> str:
    """Returns what a reader sees: no scripts, styles or hidden text; links keep their address, quotes get `> `."""
    page = _Page()
    source = source[:CHARACTERS]
    position = 0
    while (opening := source.find("<", position)) >= 0:
        page.text(source[position:opening])
        end = _tag_end(source, opening)
        if end < 0:
            # Nothing is closed any more: text, unless it is a comment.
            page.text("" if source.startswith("<!", opening) else source[opening:])
            break
        if end == opening:
            page.text("<")
        elif source[opening + 1] not in "!?":
            page.tag(source[opening + 1 : end])
        # Everything up to the closing tag of a script is the script's, whatever it looks like.
        position = _past_raw_text(source, page.raw_text, end + 1)
    else:
        page.text(source[position:])
    return page.finished()


def _tag_end(source: str, opening: int) -> int:
    """Returns the place of the `>`, the opening itself when no tag begins here, -1 when nothing is closed any more."""
    if source.startswith("<!--", opening):
        end = source.find("-->", opening + 4)
        return end + 2 if end >= 0 else -1
    following = source[opening + 1 : opening + 2]
    if following.isascii() and (following.isalpha() or following in "/!?") and following:
        return source.find(">", opening)
    return opening


def _past_raw_text(source: str, name: str, position: int) -> int:
    if not name:
        return position
    closing = re.compile(rf"</{name}", re.IGNORECASE).search(source, position)
    return closing.start() if closing else len(source)


class _Page:
    """What was read so far; knows which elements are open, hidden or quoted."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._open: list[tuple[str, bool, bool]] = []
        self._names: Counter[str] = Counter()
        self._link = ""
        self._link_since = 0
        self._hidden = 0
        self._quoted = 0
        self._last = "\n"
        self.raw_text = ""

    def text(self, raw: str) -> None:
        if raw and not self._hidden:
            self._add(_BLANKS.sub(" ", _unescaped(raw)))

    def tag(self, inner: str) -> None:
        self.raw_text = ""
        name = re.split(r"[\s/>]", inner.lstrip("/"), maxsplit=1)[0].lower()
        if name in _BREAKING:
            self._break(roomy=name in _ROOMY)
        if inner.startswith("/"):
            self._close(name)
        elif name not in _VOID:
            self._begin(name, inner)

    def finished(self) -> str:
        return "".join(self._pieces).replace(" \n", "\n")

    def _begin(self, name: str, inner: str) -> None:
        if len(self._open) >= _DEPTH or inner.endswith("/"):
            return
        if name in _RAW_TEXT:
            self.raw_text = name
        attributes = _attributes(inner)
        hides, quotes = name in _SILENT or _hides(attributes), name == "blockquote"
        self._open.append((name, hides, quotes))
        self._names[name] += 1
        self._hidden += hides
        self._quoted += quotes
        if not self._hidden:
            self._mark(name, attributes)

    def _mark(self, name: str, attributes: dict[str, str]) -> None:
        if name == "li":
            self._add("- ")
        elif name in ("td", "th"):
            self._add(" ")
        elif name == "a":
            self._link, self._link_since = _unescaped(attributes.get("href", "")).strip(), len(self._pieces)

    def _close(self, name: str) -> None:
        if name == "a" and self._link and not self._hidden:
            self._end_link()
        while self._names[name]:
            closed, hidden, quoted = self._open.pop()
            self._names[closed] -= 1
            self._hidden -= hidden
            self._quoted -= quoted
            if closed == name:
                return

    def _end_link(self) -> None:
        """A link whose text does not say where it leads gets its address behind it."""
        address, self._link = self._link, ""
        said = "".join(self._pieces[self._link_since :])
        bare = address.removeprefix("https://").removeprefix("http://").rstrip("/")
        if address.lower().startswith(("http://", "https://")) and bare not in said and len(address) < 500:
            self._add(f" ({address})")

    def _add(self, text: str) -> None:
        if self._last in " \n":
            text = text.lstrip()
        if not text:
            return
        if self._last == "\n" and self._quoted:
            self._pieces.append("> " * min(self._quoted, 5))
        self._pieces.append(text)
        self._last = text[-1]

    def _break(self, *, roomy: bool) -> None:
        if self._hidden or not self._pieces:
            return
        if self._last != "\n":
            self._pieces.append("\n")
            self._last = "\n"
        if roomy and self._pieces[-1] == "\n" and self._pieces[-2:-1] != ["\n"]:
            self._pieces.append("\n")


def _attributes(inner: str) -> dict[str, str]:
    if len(inner) < 8:
        return {}
    found = _ATTRIBUTE.findall(inner, 1, 4_000)
    return {name.lower(): double or single or bare for name, double, single, bare in found}


def _hides(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or bool(_HIDING.search(attributes.get("style", "").replace(" ", "").lower()))


def _unescaped(raw: str) -> str:
    try:
        return html.unescape(raw) if "&" in raw else raw
    except ValueError:
        # A reference of thousands of digits is no character.
        return raw
