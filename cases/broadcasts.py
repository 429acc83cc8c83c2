"""What an officer does with a broadcast: draft, approve by two, send, put right, take back, settle what is unsure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from cases.broadcast_model import TROUBLED, Broadcast, Draft, PostState, Role, Target, Told, Words, same_person
from cases.broadcast_queue import BroadcastQueue
from cases.broadcast_rows import approvals_of, post_of, posts_of, row_of, whole
from cases.broadcast_told import told
from cases.database import anew
from cases.means import Means
from cases.schema import broadcast_acts, broadcast_posts, broadcasts
from core.clock import SEOUL
from core.errors import Rejected
from core.text import clean
from core.wire import encode

APPROVALS = 2
_MOST = 200
_MOST_NAME, _MOST_TITLE, _MOST_TEXT, _MOST_WHY, _MOST_ID = 60, 100, 10_000, 1_000, 200
_NO_TRY: dict[str, Any] = {"tries": 0, "first_try_at": None, "tried_at": None, "error": "", "lost": False}


class Broadcasts:
    """Words never change after they were drafted: what two people approved is what goes out, account by account.

    Every verb may be said twice and then does what is left to do. Used from threads.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database
        self.queue = BroadcastQueue(means)

    def get(self, name: str) -> Broadcast:
        with self._database.read() as connection:
            return whole(self._means, connection, row_of(connection, name))

    def listed(self, *, limit: int = 50) -> list[Broadcast]:
        """Returns the newest first."""
        with self._database.read() as connection:
            newest = select(broadcasts).order_by(broadcasts.c.created_at.desc(), broadcasts.c.id.desc())
            rows = connection.execute(newest.limit(max(1, min(limit, _MOST)))).all()
            return [whole(self._means, connection, row) for row in rows]

    def told(self, *, limit: int = 50, offset: int = 0, with_recalled: bool = False, name: str = "") -> list[Told]:
        """Returns what everybody may read (`broadcast_told.told`)."""
        return told(self._means, min(limit, _MOST), offset, with_recalled=with_recalled, name=name)

    @anew
    def draft(self, new: Draft, by: str) -> Broadcast:
        """Keeps a draft; of the same cause there is one. Raises `Rejected` for what could never go out."""
        who = _officer(by)
        with self._database.write() as connection:
            known = select(broadcasts).where(broadcasts.c.cause == new.cause)
            if new.cause and (row := connection.execute(known).one_or_none()) is not None:
                return whole(self._means, connection, row)
            corrects = self._to_correct(connection, new.corrects)
            words = _checked(new)
            name, now = self._next_name(connection), self._means.clock()
            values = {"audience": new.audience, "corrects": corrects, "cause": new.cause or None, "drafted_by": who}
            sealed = self._means.seal.seal(encode(words))
            made = broadcasts.insert().values(id=name, state="draft", sealed=sealed, created_at=now, **values)
            connection.execute(made)
            connection.execute(broadcast_posts.insert(), self._rows(name, new.targets))
            self._act(connection, name, who, "drafted")
            return whole(self._means, connection, row_of(connection, name))

    @anew
    def approve(self, name: str, by: str) -> Broadcast:
        """Counts this officer's word, once; two different officers make it ready to be sent."""
        who = _officer(by)
        with self._database.write() as connection:
            row = row_of(connection, name, to_change=True)
            if row.state == "recalled":
                raise Rejected(f"{row.id}: was taken back and can no longer be approved; draft it anew", status=409)
            before = approvals_of(connection, row.id)
            if row.state == "draft" and not any(same_person(who, other) for other in before):
                self._act(connection, row.id, who, "approved")
                if len(before) + 1 >= APPROVALS:
                    self._state(connection, row.id, state="approved")
            return whole(self._means, connection, row_of(connection, row.id))

    @anew
    def send(self, name: str, by: str) -> Broadcast:
        """Lets it go out, and takes back what it puts right. Said again it changes nothing: nobody gets it twice."""
        who = _officer(by)
        with self._database.write() as connection:
            row = row_of(connection, name, to_change=True)
            if row.state == "recalled":
                raise Rejected(f"{row.id}: was taken back and can no longer be sent; draft it anew", status=409)
            if row.state == "draft":
                count = len(approvals_of(connection, row.id))
                raise Rejected(
                    f"{row.id}: approvals {count}/{APPROVALS}; it is sent when two different officers have approved",
                    status=409,
                )
            if row.state == "approved":
                self._must_be_the_one(connection, row.corrects)
                self._begin(connection, row.id, who)
                if row.corrects:
                    self._take_back(
                        connection, row_of(connection, row.corrects, to_change=True), who, f"put right by {row.id}"
                    )
            return whole(self._means, connection, row_of(connection, row.id))

    @anew
    def recall(self, name: str, by: str, why: str) -> Broadcast:
        """Takes it back everywhere; one officer may, for what is wrong harms while two are looked for."""
        who = _officer(by)
        # A store takes no sign that nobody could read.
        reason = clean(why)[:_MOST_WHY]
        if not reason:
            raise Rejected("say why it is taken back")
        with self._database.write() as connection:
            self._take_back(connection, row_of(connection, name, to_change=True), who, reason)
            return whole(self._means, connection, row_of(connection, name))

    @anew
    def again(self, name: str, by: str, account: str = "") -> Broadcast:
        """Tries anew what failed, or what nobody can tell of and a person looked for; one account, or all. Raises
        `Rejected` when there is trouble and trying helps none of it."""
        who = _officer(by)
        with self._database.write() as connection:
            row = row_of(connection, name, to_change=True)
            posts = self._troubled(connection, row.id, account)
            # All at once only what surely is not there: nobody has looked for what is uncertain.
            hopeless = ("stays",) if account else ("stays", "uncertain")
            chosen = [post for post in posts if post.state not in hopeless]
            if posts and not chosen:
                raise Rejected(_no_help(row.id, posts), status=409)
            for post in chosen:
                state = "recalling" if post.state == "left" else "dropped" if row.recalled_at else "queued"
                self._post(connection, post.id, state=state, retry_at=self._means.machine(), **_NO_TRY)
            if chosen:
                self._act(connection, row.id, who, "tried anew", account or f"{len(chosen)}")
                self._state(connection, row.id, state="recalled" if row.recalled_at else "sending")
            return whole(self._means, connection, row_of(connection, row.id))

    @anew
    def settle(self, name: str, by: str, account: str, *, is_there: bool, provider_id: str = "") -> Broadcast:
        """Writes down what a person saw at the platform of a post that nobody could tell of."""
        who = _officer(by)
        if not account:
            raise Rejected("say at which account you looked, e.g. x:Seoul_eds")
        with self._database.write() as connection:
            row = row_of(connection, name, to_change=True)
            (post,) = self._troubled(connection, row.id, account)
            is_out = post.state in ("left", "stays")
            values: dict[str, Any] = {"state": "recalled" if is_out else "dropped", "error": ""}
            if is_there:
                given = clean(provider_id)[:_MOST_ID]
                state = _seen(post, given, is_recalled=row.recalled_at is not None)
                values |= {"state": state, "provider_id": given or post.provider_id, "retry_at": self._means.machine()}
                values |= {"sent_at": post.sent_at or self._means.clock(), "tries": 0, "first_try_at": None}
            self._post(connection, post.id, **values)
            self._act(connection, row.id, who, "is there" if is_there else "is not there", account)
            return whole(self._means, connection, row_of(connection, row.id))

    def _begin(self, connection: Connection, name: str, who: str) -> None:
        waiting = (broadcast_posts.c.broadcast == name) & (broadcast_posts.c.state == "waiting")
        queued = update(broadcast_posts).where(waiting)
        connection.execute(queued.values(state="queued", retry_at=self._means.machine()))
        self._state(connection, name, state="sending", sent_at=self._means.clock())
        self._act(connection, name, who, "sent")

    def _take_back(self, connection: Connection, row: Any, who: str, why: str) -> None:
        if row.state == "recalled":
            return
        machine = self._means.machine()
        for post in map(post_of, posts_of(connection, row.id)):
            if post.state == "sent":
                self._post(connection, post.id, state="recalling", retry_at=machine, **_NO_TRY)
            elif post.state in ("waiting", "queued", "failed") and not post.is_lost:
                self._post(connection, post.id, state="dropped", retry_at=None)
            elif post.state == "queued":
                # It may be out: it is looked for at once, and taken back when it is.
                self._post(connection, post.id, retry_at=machine)
        self._state(connection, row.id, state="recalled", recalled_at=self._means.clock())
        self._act(connection, row.id, who, "recalled", why)

    def _to_correct(self, connection: Connection, name: str) -> str:
        if not name:
            return ""
        row = row_of(connection, name)
        if row.sent_at is None:
            raise Rejected(f"{row.id}: has not gone out yet; recall it and draft another one", status=409)
        self._must_be_the_one(connection, row.id)
        return str(row.id)

    def _must_be_the_one(self, connection: Connection, wrong: str) -> None:
        """Of two corrections both would stand there: the later one has to put the earlier one right."""
        out = (broadcasts.c.corrects == wrong) & broadcasts.c.sent_at.is_not(None) & broadcasts.c.recalled_at.is_(None)
        before = connection.execute(select(broadcasts.c.id).where(out).limit(1)).scalar_one_or_none() if wrong else None
        if before is not None:
            raise Rejected(
                f"{wrong}: was put right by {before}, which stands there; what is wrong with that one is put right by "
                f"`eungdapso broadcast correct {before} TEXT`",
                status=409,
            )

    def _next_name(self, connection: Connection) -> str:
        day = f"{self._means.clock().astimezone(SEOUL):%Y%m%d}"
        today = broadcasts.c.id.like(f"B{day}-%")
        count = connection.execute(select(func.count()).select_from(broadcasts).where(today)).scalar_one()
        return f"B{day}-{count + 1}"

    def _rows(self, name: str, targets: Sequence[Target]) -> list[dict[str, Any]]:
        first: dict[str, str] = {}
        rows = []
        for place, target in enumerate(targets):
            made = self._means.new_id()
            lead = first.setdefault(target.platform, made) if target.is_linked else made
            role: Role = "post" if lead == made else "repost"
            rows.append(
                {
                    "id": made,
                    "broadcast": name,
                    "platform": target.platform,
                    "account": target.account,
                    "place": place,
                    "linked": target.is_linked,
                    "role": role,
                    "of": "" if role == "post" else lead,
                    "state": "waiting",
                    "sealed": self._means.seal.seal(target.text.encode()),
                    "error": target.problem,
                }
            )
        return rows

    def _troubled(self, connection: Connection, name: str, account: str) -> list[Any]:
        """Returns the posts that a person has to decide about; raises `Rejected` when the one named is none."""
        rows = [row for row in posts_of(connection, name) if row.state in TROUBLED]
        found = [row for row in rows if account in ("", row.account, f"{row.platform}:{row.account}")]
        if account and len(found) != 1:
            if found:
                names = " or ".join(f"{row.platform}:{row.account}" for row in found)
                raise Rejected(f"{account}: is on several platforms; say {names}", status=409)
            there = _named(rows) or "none"
            raise Rejected(
                f"{account}: nothing is to be decided about this account. About these it is: {there}", status=409
            )
        return found

    def _post(self, connection: Connection, row: str, **values: Any) -> None:
        connection.execute(update(broadcast_posts).where(broadcast_posts.c.id == row).values(**values))

    def _state(self, connection: Connection, name: str, **values: Any) -> None:
        connection.execute(update(broadcasts).where(broadcasts.c.id == name).values(**values))

    def _act(self, connection: Connection, name: str, who: str, what: str, why: str = "") -> None:
        now: datetime = self._means.clock()
        connection.execute(broadcast_acts.insert().values(broadcast=name, at=now, who=who, what=what, why=why))


def _named(posts: Sequence[Any]) -> str:
    return ", ".join(f"{post.platform}:{post.account}" for post in posts)


def _no_help(name: str, posts: Sequence[Any]) -> str:
    """Returns why trying anew helps nothing, and what does."""
    told = []
    if stay := [post for post in posts if post.state == "stays"]:
        told.append(
            f"{_named(stay)}: takes nothing back. Tell the right words: `eungdapso broadcast correct {name} TEXT`; or "
            f"delete it there by hand, then `eungdapso broadcast settle {name} ACCOUNT --not-there`"
        )
    if unsure := [post for post in posts if post.state == "uncertain"]:
        told.append(
            f"{_named(unsure)}: nobody can tell whether it stands there. Look, then `eungdapso broadcast settle {name} "
            f"ACCOUNT --there`, or `eungdapso broadcast retry {name} ACCOUNT`"
        )
    return "; ".join(told)


def _seen(post: Any, given: str, *, is_recalled: bool) -> PostState:
    """Returns what a post becomes that a person saw; `given` is the platform's id of it, if they know that."""
    if not is_recalled:
        return "sent"
    if post.state in ("left", "stays"):
        return "recalling" if given else "kept"
    return "recalling" if given or post.provider_id else "left"


def _officer(name: str) -> str:
    """Returns the name of who acts; raises `Rejected` when it is none."""
    plain = " ".join(name.split())
    if not plain or len(plain) > _MOST_NAME or not plain.isprintable():
        raise Rejected(f"say who acts, in at most {_MOST_NAME} characters: --by NAME")
    return plain


def _checked(new: Draft) -> Words:
    if not new.text.strip():
        raise Rejected("there is no text to send")
    if len(new.text) > _MOST_TEXT or len(new.title) > _MOST_TITLE:
        raise Rejected(f"a text has at most {_MOST_TEXT:,} characters, a title {_MOST_TITLE}")
    if not new.targets:
        raise Rejected("no account may broadcast; set may_broadcast in config/accounts.toml")
    return Words(title=new.title, text=new.text, short=new.short)
