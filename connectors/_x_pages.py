"""Pages of posts as X gives them, taken apart: each post with what belongs to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._x_settings import XSettings

_TWEET_FIELDS = [
    "attachments",
    "author_id",
    "conversation_id",
    "created_at",
    "edit_history_tweet_ids",
    "entities",
    "geo",
    "in_reply_to_user_id",
    "note_tweet",
    "referenced_tweets",
]
_MEDIA_FIELDS = ["duration_ms", "media_key", "preview_image_url", "type", "url", "variants"]


def singles(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Returns each post of a page with those of the page's extras that belong to it."""
    includes = table(page.get("includes"))
    for post in listed(page.get("data")):
        keys = _words(table(post.get("attachments")).get("media_keys"))
        others = [other.get("id") for other in listed(post.get("referenced_tweets"))]
        place = table(post.get("geo")).get("place_id")
        yield {
            "data": post,
            "includes": {
                "users": [user for user in listed(includes.get("users")) if user.get("id") == post.get("author_id")],
                "media": [media for media in listed(includes.get("media")) if media.get("media_key") in keys],
                "places": [one for one in listed(includes.get("places")) if place and one.get("id") == place],
                "tweets": [other for other in listed(includes.get("tweets")) if other.get("id") in others],
            },
        }


def wanted(settings: XSettings) -> dict[str, Any]:
    """Returns what is asked for with every post."""
    expansions = ["attachments.media_keys", "geo.place_id"]
    return {
        "tweet_fields": _TWEET_FIELDS,
        "media_fields": _MEDIA_FIELDS,
        "place_fields": ["geo", "place_type"],
        "expansions": [*expansions, "author_id"] if settings.author_names else expansions,
    }


def number(post: Any) -> int:
    """Returns the number of a post, 0 when it has none."""
    found = table(post).get("id")
    return int(found) if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 20 else 0


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _words(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
