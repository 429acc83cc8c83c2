"""What the calls of the API share: answers in JSON, and the key and the limit that a call gives."""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# Of whatever is listed.
_MOST = 200
_encode = msgspec.json.Encoder().encode


def as_json(value: object, status: int = 200) -> Response:
    return Response(_encode(value), status_code=status, media_type="application/json")


def refusal(status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    """Returns a mistake as every call says it: `{"error": …}`."""
    return JSONResponse({"error": error}, status_code=status, headers=headers)


def key_of(request: Request) -> str:
    """Returns the key in `Authorization: Bearer <key>`, "" when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else ""


def limit_of(request: Request, default: int) -> int:
    """Returns how many are wanted, from one to two hundred; what is no number wants the usual ones."""
    given = request.query_params.get("limit", "")
    return max(1, min(_MOST, int(given))) if given.isascii() and given.isdigit() and len(given) < 10 else default
