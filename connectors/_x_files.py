"""Files of X: those of posts are for everybody; those of direct messages for the account that got them."""

from oauthlib.oauth1 import Client

from connectors._x_posts import DM_FILE
from connectors._x_tokens import Tokens
from connectors.base import Located
from core.message import Attachment


class Files:
    """Signs the address of a direct message's file in the name of its account."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def locate(self, attachment: Attachment) -> Located:
        """Raises `Rejected` when there is no token of the account that got it."""
        if not attachment.place.startswith(DM_FILE):
            return Located(url=attachment.place)
        account, _, url = attachment.place.removeprefix(DM_FILE).partition(":")
        token = await self._tokens.of(account)
        if not token.is_signing:
            return Located(url=url, headers={"Authorization": f"Bearer {token.bearer}"})
        signing = Client(token.consumer_key, token.consumer_secret, token.access_token, token.access_token_secret)
        _, headers, _ = signing.sign(url)
        return Located(url=url, headers=dict(headers))

    async def close(self) -> None:
        """There is nothing to let go of."""
