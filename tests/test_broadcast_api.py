"""Broadcasts over HTTP and from the terminal: the holder of a key acts, everybody reads what was sent."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bench.instance import Instance
from cases.broadcast_model import Draft, Target
from cases.broadcast_queue import Done
from cases.store import CaseStore
from core.errors import ConfigError
from pipeline.broadcast_shown import brief, whole
from tests.casework import Time, city
from tests.commands import asked
from web.app import make_app
from web.hooks import Hooks
from web.services import Services

KIM, PARK = "김서연", "박지훈"
COLD = "한파경보가 발령되었습니다. 수도 계량기를 보온해 주십시오."


def written(draft: Draft) -> Draft:
    """Returns the draft with the one account of this town."""
    if draft.audience not in ("", "all"):
        raise ConfigError(f"group {draft.audience}: no account of config/accounts.toml is in it. Did you mean all?")
    target = Target(platform="x", account="Seoul_eds", name="응답소", text=draft.text)
    return replace(draft, title=draft.title or draft.text[:10], targets=(target,))


class Api:
    """The application, asked as programs ask it."""

    def __init__(self, store: CaseStore, time: Time) -> None:
        self.store = store

        async def ready() -> tuple[bool, Mapping[str, Any]]:
            return True, {}

        async def changed(_: float) -> None:
            """Nothing changes by itself."""

        async def accept(_: Any) -> None:
            """Nothing comes in here."""

        services = Services(
            city=city(),
            store=store,
            faqs=lambda *_: (),
            find=lambda *_: (),
            readiness=ready,
            changed=changed,
            metrics=lambda: b"",
            written=written,
        )
        self.app = make_app(services, Hooks({}, accept, time, "https://eungdapso.example"))

    def key(self, holder: str) -> str:
        return self.store.keys.add("broadcasts", by="root", holder=holder)

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", cause: str = "", raw: bytes = b""
    ) -> tuple[int, Any]:
        headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
        headers += [(b"idempotency-key", cause.encode())] if cause else []
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw or (b"" if body is None else json.dumps(body).encode())}

        async def send(event: Any) -> None:
            sent.append(event)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        await self.app({**scope, "headers": headers, "root_path": "", "scheme": "https"}, receive, send)
        answer = b"".join(event.get("body", b"") for event in sent[1:])
        return sent[0]["status"], json.loads(answer)


@pytest.fixture
def api(store: CaseStore, time: Time) -> Api:
    return Api(store, time)


async def test_two_keys_of_two_officers(api: Api) -> None:
    """Who holds a key approves in that name; a second key of the same officer is no second officer."""
    kim, also_kim, park = api.key(KIM), api.key(KIM), api.key(PARK)
    status, made = await api.ask("POST", "/api/v1/broadcasts", {"text": COLD}, key=kim)
    verbs = f"/api/v1/broadcasts/{made['id']}"
    alone = [(await api.ask("POST", f"{verbs}/approve", key=key))[1]["state"] for key in (kim, also_kim)]
    early = await api.ask("POST", f"{verbs}/send", key=kim)
    both = (await api.ask("POST", f"{verbs}/approve", key=park))[1]
    sent = [(await api.ask("POST", f"{verbs}/send", key=key)) for key in (park, kim)]

    assert (201, KIM, "draft") == (status, made["drafted_by"], made["state"])
    assert ["draft", "draft"] == alone
    assert (409, "1/2") == (early[0], early[1]["error"].partition("approvals ")[2][:3])
    assert ("approved", [KIM, PARK]) == (both["state"], both["approvals"])
    assert [(200, "sending")] * 2 == [(status, found["state"]) for status, found in sent]
    assert 1 == sum(act["what"] == "sent" for act in sent[1][1]["acts"])


@pytest.mark.parametrize("path", ["", "/B20261123-1/approve", "/B20261123-1/send", "/B20261123-1/recall"])
async def test_nobody_without_a_key(api: Api, path: str) -> None:
    """Without a key for broadcasts nothing is done: a key of a queue is none."""
    wrong = api.store.keys.add("gangnam", by="root")
    found = [await api.ask("POST", f"/api/v1/broadcasts{path}", {"text": COLD}, key=key) for key in ("", wrong, "eds_")]

    assert [401] * 3 == [status for status, _ in found]
    assert [] == api.store.broadcasts.listed()


async def test_everybody_reads_what_was_sent(api: Api) -> None:
    """The public list has title, words and time of what was sent, and of nothing else; a key shows all of them."""
    kim, park = api.key(KIM), api.key(PARK)
    names = [(await api.ask("POST", "/api/v1/broadcasts", {"text": COLD}, key=kim))[1]["id"] for _ in range(2)]
    for key, verb in ((kim, "approve"), (park, "approve"), (kim, "send")):
        await api.ask("POST", f"/api/v1/broadcasts/{names[0]}/{verb}", key=key)
    _, public = await api.ask("GET", "/api/v1/broadcasts")
    _, all_ = await api.ask("GET", "/api/v1/broadcasts", key=kim)
    await api.ask("POST", f"/api/v1/broadcasts/{names[0]}/recall", {"why": "오보"}, key=park)
    _, after = await api.ask("GET", "/api/v1/broadcasts")

    assert [
        {
            "id": names[0],
            "title": COLD[:10],
            "text": COLD,
            "at": "2026-11-23T10:00:00+09:00",
            "corrects": None,
        }
    ] == public["results"]
    assert sorted(names) == sorted(one["id"] for one in all_["results"])
    assert [] == after["results"]


def test_in_one_language(store: CaseStore, capsys: pytest.CaptureFixture[str]) -> None:
    """What an officer is told is in English throughout; the city's own words alone are not. What failed stands in the
    head, the reason once."""
    targets = tuple(Target(platform="x", account=name, name="응답소", text=COLD) for name in ("one", "two", "three"))
    store.broadcasts.draft(Draft(audience="all", title=COLD, text=COLD, targets=targets), KIM)
    name = store.broadcasts.listed()[0].id
    for officer in (KIM, PARK):
        store.broadcasts.approve(name, officer)
    store.broadcasts.send(name, KIM)
    queue = store.broadcasts.queue
    for job in queue.claim(9, (), patience=timedelta(seconds=4)).ready:
        is_out = job.account == "one"
        done = Done(id=job.id, state="sent" if is_out else "failed", error="" if is_out else f"refused {job.account}")
        queue.settle(done)
    whole(store.broadcasts.get(name))
    said = capsys.readouterr().out
    ours = re.sub(f"{COLD}|{KIM}|{PARK}", "", said)

    assert [f"{name}  done, 2 failed"] == [said.splitlines()[0].removesuffix(COLD).rstrip()]
    assert f"1/3: 1 posted, 2 failed; mend why, then broadcast retry {name}" == said.splitlines()[-1]
    assert ([1, 1], []) == ([said.count("refused two"), said.count("refused three")], re.findall("[가-힣]", ours))


def test_who_cannot_post_is_told_before(store: CaseStore, capsys: pytest.CaptureFixture[str]) -> None:
    """An account that cannot post stands in its row, with the reason, once; who approves reads how many there are."""
    able, unable = (Target(platform="x", account=name, name="응답소", text=COLD) for name in ("one", "two"))
    targets = (able, replace(unable, problem="it has no token"))
    made = store.broadcasts.draft(Draft(audience="all", title="한파", text=COLD, targets=targets), KIM)
    whole(made)
    table = capsys.readouterr().out
    brief(store.broadcasts.approve(made.id, KIM))
    line = capsys.readouterr().out

    assert (1, 1, 1) == tuple(map(table.count, ("it has no token", "cannot post  ", "1 of 2 accounts cannot post")))
    assert ("1 of 2 accounts cannot post" in line, "it has no token" in line) == (True, False)


async def test_a_draft_sent_in_twice(api: Api) -> None:
    """With the same Idempotency-Key a program drafts once; another officer's is another draft."""
    kim, park = api.key(KIM), api.key(PARK)
    made = [
        (await api.ask("POST", "/api/v1/broadcasts", {"text": COLD}, key=key, cause="cold-1"))[1]["id"]
        for key in (kim, kim, park)
    ]

    assert ["B20261123-1", "B20261123-1", "B20261123-2"] == made


async def test_a_rehearsal_keeps_nothing(api: Api) -> None:
    """What would go out where is shown, and there is no draft."""
    status, found = await api.ask("POST", "/api/v1/broadcasts", {"text": COLD, "dry_run": True}, key=api.key(KIM))

    assert (200, [("Seoul_eds", COLD)]) == (status, [(one["account"], one["text"]) for one in found["posts"]])
    assert [] == api.store.broadcasts.listed()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"txet": "1"}', 400),
        (b'{"text": "\xff"}', 400),
        (b"{}", 422),
        (b'{"text": "1", "group": "al"}', 422),
        (b'{"text": "' + b"1" * 70_000 + b'"}', 413),
    ],
)
async def test_what_cannot_be_meant(api: Api, raw: bytes, status: int) -> None:
    """A mistake is a sentence, never a fault of ours."""
    found, says = await api.ask("POST", "/api/v1/broadcasts", raw=raw, key=api.key(KIM))

    assert (status, True) == (found, bool(says["error"]))


@pytest.mark.parametrize(("path", "status"), [("/B1/approve", 404), ("/B1/recal", 404), ("/B1", 404)])
async def test_what_is_not_there(api: Api, path: str, status: int) -> None:
    """Neither a broadcast nor a verb that is not there is a fault of ours."""
    method = "GET" if path == "/B1" else "POST"

    assert status == (await api.ask(method, f"/api/v1/broadcasts{path}", {"why": "1"}, key=api.key(KIM)))[0]


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    made = Instance(tmp_path_factory.mktemp("terminal"), {"EUNGDAPSO_NOW": "2026-11-23T21:00:00"})
    made.engines.prepare(made.config, made.environment)
    return made


def test_from_the_terminal(instance: Instance) -> None:
    """Beside no instance at all: rehearsed, drafted, approved by two, waiting for the pipeline; and that is told."""
    rehearsed = asked(instance, "broadcast", "draft", COLD, "--dry-run")
    made = json.loads(asked(instance, "broadcast", "draft", COLD, "--by", KIM, "--json").stdout)
    approved = [asked(instance, "broadcast", "approve", made["id"], "--by", name).stdout for name in (KIM, PARK)]
    sent = asked(instance, "broadcast", "send", made["id"], "--by", PARK)
    words = [
        *approved,
        sent.stdout,
        asked(instance, "broadcast", "list").stdout,
    ]

    assert "nothing was kept" in rehearsed.stdout
    assert "x: has no way out and goes to files" in rehearsed.stderr
    assert [f"{made['id']}: approvals 1/2, by 김서연; somebody else has to approve, too: ", "", ""] == [
        words[0][: words[0].index("broadcast approve")],
        *("".join(said.splitlines()[1:]) for said in approved),
    ]
    assert ["approvals 1/2", "ready: broadcast send", "0/16: 16 due", "going out"] == [
        found
        for found, said in zip(
            ["approvals 1/2", "ready: broadcast send", "0/16: 16 due", "going out"], words, strict=True
        )
        if found in said
    ]
    # On a server others may run anywhere: there it is told when nobody begins.
    assert re.search(f"{made['id']}: (no instance runs here that would post|nobody has begun)", sent.stderr)


def test_too_long_is_told(instance: Instance) -> None:
    """What a platform would cut is shown as it would go; a short text given for it goes instead."""
    long = "한파가 이어집니다. 수도 계량기를 보온해 주십시오. " * 10
    cut = asked(instance, "broadcast", "draft", long, "--dry-run")
    short = asked(instance, "broadcast", "draft", long, "--short", COLD, "--dry-run")

    assert ("x: the text is too long and was cut" in cut.stderr, "too long" in short.stderr) == (True, False)
    assert COLD in short.stdout


def test_a_group_that_is_not_there(instance: Instance) -> None:
    """A misspelt group is refused, with the one that may be meant; exit 2."""
    done = asked(instance, "broadcast", "draft", COLD, "--group", "al", "--by", "김서연")

    assert 2 == done.exit_code
    assert "Did you mean all?" in done.stderr


def test_who_acts_is_named(instance: Instance) -> None:
    """Two approvals that nobody signed would be those of one."""
    words = (("draft", COLD), ("approve", "1"), ("send", "1"), ("recall", "1", "--why", "잘못"))
    done = [asked(instance, "broadcast", *said) for said in words]

    assert [2] * 4 == [one.exit_code for one in done]
    assert all("--by" in one.output for one in done)
