"""The errors, each named after what the caller does about it."""


class ConfigError(Exception):
    """The operator mends a file: every mistake found, one a line, each with where, what and what now."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Rejected(Exception):
    """This one will never work: put it aside and go on. `status` is what a hook answers with."""

    def __init__(self, reason: str, *, status: int = 422) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Forged(Rejected):
    """The sender is not who it says: anything wrong with a signature, its header, time or secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, status=401)


class Unavailable(Exception):
    """Not now: the same again may work later. `retry_after_seconds` is the other side's wish, if it said one."""

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class Waits(Unavailable):
    """Its turn has not come: nothing was asked of the other side, so this is no try."""


class Uncertain(Exception):
    """It may have been done and nobody can tell: a person decides, nothing is repeated by itself."""
