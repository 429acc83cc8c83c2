"""Broadcasts in the case store: two officers, one sending, a state for every account, nothing silently twice."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from cases.broadcast_model import Broadcast, Draft, Post, Target, led
from cases.broadcast_queue import Done, Job
from cases.broadcasts import Broadcasts
from cases.store import CaseStore
from core.errors import Rejected
from tests.casework import Time, at, make_store
from tests.waiting import until

KIM, PARK = "김서연", "박지훈"
COLD = "한파경보가 발령되었습니다. 수도 계량기를 보온해 주십시오."
PATIENCE = timedelta(seconds=4)


@pytest.fixture
def broadcasts(store: CaseStore) -> Broadcasts:
    return store.broadcasts


def target(platform: str, account: str, *, is_linked: bool = False) -> Target:
    return Target(platform=platform, account=account, name="서울", text=COLD, is_linked=is_linked)


def draft(*targets: Target, **more: Any) -> Draft:
    chosen = targets or (
        target("x", "one", is_linked=True),
        target("x", "two", is_linked=True),
        target("facebook", "page"),
    )
    return Draft(**({"audience": "all", "title": "한파경보", "text": COLD, "targets": chosen} | more))


def sent(broadcasts: Broadcasts, *targets: Target, **more: Any) -> Broadcast:
    """Returns a broadcast that two officers approved and that is on its way."""
    name = broadcasts.draft(draft(*targets, **more), KIM).id
    broadcasts.approve(name, KIM)
    broadcasts.approve(name, PARK)
    return broadcasts.send(name, KIM)


def claimed(broadcasts: Broadcasts, busy: Sequence[str] = ()) -> list[Job]:
    return broadcasts.queue.claim(64, busy, patience=PATIENCE).ready


def accounts(jobs: Sequence[Job]) -> list[str]:
    return [f"{job.platform}:{job.account}" for job in jobs]


def states(found: Broadcast) -> dict[str, str]:
    return {post.account: post.state for post in found.posts}


def settle(broadcasts: Broadcasts, job: Job, state: Any = "sent", **more: Any) -> None:
    given = {"provider_id": f"id-{job.account}"} if state == "sent" else {}
    broadcasts.queue.settle(Done(id=job.id, state=state, **(given | more)))


def bring_out(broadcasts: Broadcasts, **instead: Any) -> list[Job]:
    """Brings out what is due until nothing more is; returns what that was."""
    done: list[Job] = []
    while jobs := claimed(broadcasts):
        for job in jobs:
            settle(broadcasts, job, "recalled" if job.is_removal else instead.get(job.account, "sent"))
        done += jobs
    return done


# The last has a letter between its words that nobody sees.
SPELLINGS = ("Kim Seoyeon", "kim  seoyeon", "KIM SEOYEON", "Kim\u3164Seoyeon")


def test_two_officers_approve(broadcasts: Broadcasts) -> None:
    """One officer's word is one word, however often and in whatever spelling it is said; the second makes it ready."""
    name = broadcasts.draft(draft(), KIM).id
    alone = [broadcasts.approve(name, spelling).state for spelling in SPELLINGS]
    both = broadcasts.approve(name, PARK)

    assert ["draft"] * len(SPELLINGS) == alone
    assert ("approved", ("Kim Seoyeon", PARK)) == (both.state, both.approvals)


def test_nothing_goes_out_before(broadcasts: Broadcasts) -> None:
    """Without two approvals sending is refused, with how many there are, and nothing is due."""
    name = broadcasts.draft(draft(), KIM).id
    broadcasts.approve(name, KIM)
    with pytest.raises(Rejected, match="1/2"):
        broadcasts.send(name, KIM)

    assert [] == claimed(broadcasts)


def test_nobody_approves_nameless(broadcasts: Broadcasts) -> None:
    """Every act has a name."""
    with pytest.raises(Rejected, match="--by"):
        broadcasts.draft(draft(), "  ")


def test_sent_again(broadcasts: Broadcasts) -> None:
    """A second call of send changes nothing: every account is brought out once."""
    name = sent(broadcasts).id
    first = accounts(bring_out(broadcasts))
    again = broadcasts.send(name, PARK)

    assert ["x:one", "facebook:page", "x:two"] == first
    assert [] == claimed(broadcasts)
    assert ("done", {"sent": 3}) == (again.state, again.counts)


def test_one_draft_of_a_cause(broadcasts: Broadcasts) -> None:
    """A draft that a program sends in twice is one."""
    names = {broadcasts.draft(draft(cause="kim|1"), KIM).id for _ in range(2)}
    other = broadcasts.draft(draft(cause="kim|2"), KIM).id

    assert ({"B20261123-1"}, "B20261123-2") == (names, other)


def test_reposts_wait(broadcasts: Broadcasts) -> None:
    """Where the same words are forbidden one account posts; the others repost exactly that when it stands there."""
    sent(broadcasts)
    first = claimed(broadcasts)
    waiting = claimed(broadcasts, [job.id for job in first])
    settle(broadcasts, first[0])
    (second,) = claimed(broadcasts, [first[1].id])

    assert (["x:one", "facebook:page"], []) == (accounts(first), waiting)
    assert ("two", True, "id-one") == (second.account, second.is_repost, second.of)


def test_somebody_else_posts(broadcasts: Broadcasts) -> None:
    """When the account that should post is refused, the next one posts, and the rest reposts that."""
    three = [target("x", name, is_linked=True) for name in ("one", "two", "three")]
    name = sent(broadcasts, *three).id
    (first,) = claimed(broadcasts)
    settle(broadcasts, first, "failed", error="X refused with 401")
    (second,) = claimed(broadcasts)
    settle(broadcasts, second)
    (third,) = claimed(broadcasts)
    settle(broadcasts, third)

    assert [("two", False, ""), ("three", True, "id-two")] == [
        (job.account, job.is_repost, job.of) for job in (second, third)
    ]
    assert {"one": "failed", "two": "sent", "three": "sent"} == states(broadcasts.get(name))


def test_nobody_waits_for_a_silent_account(broadcasts: Broadcasts, time: Time) -> None:
    """An account that gives no answer within the patience of the others is left to itself."""
    sent(broadcasts)
    first = claimed(broadcasts)
    busy = [job.id for job in first]
    time.moves(seconds=3)
    early = claimed(broadcasts, busy)
    time.moves(seconds=2)
    late = claimed(broadcasts, busy)

    assert ([], [("two", False)]) == (early, [(job.account, job.is_repost) for job in late])


def test_killed_on_the_way(broadcasts: Broadcasts) -> None:
    """What was on its way when the process ended may be out: whoever takes it over is told."""
    sent(broadcasts, target("facebook", "page"))
    (before,) = claimed(broadcasts)
    (after,) = claimed(broadcasts)

    assert (False, True, before.since) == (before.is_lost, after.is_lost, after.since)


def test_waits_for_its_next_try(broadcasts: Broadcasts, time: Time) -> None:
    """What failed for now is not due before its time, and the broadcast is not done."""
    name = sent(broadcasts, target("facebook", "page")).id
    (job,) = claimed(broadcasts)
    settle(broadcasts, job, "queued", retry_at=time.now + timedelta(seconds=5), error="Facebook answered 503")
    early = claimed(broadcasts)
    found = broadcasts.get(name)
    time.moves(seconds=6)

    assert ([], "sending", "Facebook answered 503") == (early, found.state, found.posts[0].error)
    assert ["facebook:page"] == accounts(claimed(broadcasts))


def test_taken_back(broadcasts: Broadcasts) -> None:
    """What is out is taken back, what is on its way as soon as it is out, what waited never goes out."""
    three = [target("facebook", name) for name in ("out", "moving", "waiting")]
    name = sent(broadcasts, *three).id
    out, moving = broadcasts.queue.claim(2, (), patience=PATIENCE).ready
    settle(broadcasts, out)
    at_once = broadcasts.recall(name, PARK, "오보")
    settle(broadcasts, moving)
    removals = bring_out(broadcasts)
    found = broadcasts.recall(name, PARK, "오보")

    assert {"out": "recalling", "moving": "sending", "waiting": "dropped"} == states(at_once)
    assert [("out", "id-out"), ("moving", "id-moving")] == [(job.account, job.provider_id) for job in removals]
    assert {"out": "recalled", "moving": "recalled", "waiting": "dropped"} == states(found)
    assert ["recalled"] == [act.what for act in found.acts if act.who == PARK and act.why == "오보"]


def test_a_draft_taken_back(broadcasts: Broadcasts) -> None:
    """Before it is sent it is simply never sent."""
    name = broadcasts.draft(draft(), KIM).id
    broadcasts.recall(name, KIM, "다시 작성")
    with pytest.raises(Rejected, match="was taken back"):
        broadcasts.approve(name, PARK)

    assert [] == claimed(broadcasts)


def test_put_right(broadcasts: Broadcasts) -> None:
    """When what puts it right is sent, the wrong one is taken back; everybody reads the right one only."""
    wrong = sent(broadcasts, target("facebook", "page")).id
    bring_out(broadcasts)
    right = sent(broadcasts, target("facebook", "page"), corrects=wrong, title="정정")
    jobs = claimed(broadcasts)

    assert [(wrong, True), (right.id, False)] == [(job.broadcast, job.is_removal) for job in jobs]
    assert ("recalled", (right.id,)) == (broadcasts.get(wrong).state, broadcasts.get(wrong).corrected_by)
    assert [(right.id, wrong)] == [(one.id, one.corrects) for one in broadcasts.told()]


def test_drafts_are_nobodys_business(broadcasts: Broadcasts) -> None:
    """Everybody reads what was sent, and nothing that was not."""
    broadcasts.draft(draft(), KIM)
    out = sent(broadcasts).id

    assert [out] == [one.id for one in broadcasts.told()]


def test_who_looked_says_where(broadcasts: Broadcasts) -> None:
    """What was seen of no named account settles nothing, however many posts nobody can tell of."""
    name = sent(broadcasts, target("telegram", "one"), target("telegram", "two")).id
    bring_out(broadcasts, one="uncertain", two="uncertain")
    with pytest.raises(Rejected, match="at which account"):
        broadcasts.settle(name, KIM, "", is_there=True)

    assert {"one": "uncertain", "two": "uncertain"} == states(broadcasts.get(name))


def test_a_person_decides(broadcasts: Broadcasts) -> None:
    """What nobody can tell of waits for a person: who saw it there says so; who did not has it sent once more."""
    two = [target("telegram", name) for name in ("seen", "unseen")]
    name = sent(broadcasts, *two).id
    bring_out(broadcasts, seen="uncertain", unseen="uncertain")
    with pytest.raises(Rejected, match="nobody can tell"):
        broadcasts.again(name, KIM)
    alone = broadcasts.get(name)
    broadcasts.settle(name, KIM, "telegram:seen", is_there=True, provider_id="7:1")
    broadcasts.again(name, KIM, "telegram:unseen")
    again = bring_out(broadcasts)

    assert {"seen": "uncertain", "unseen": "uncertain"} == states(alone)
    assert [("unseen", False)] == [(job.account, job.is_lost) for job in again]
    assert {"seen": "sent", "unseen": "sent"} == states(broadcasts.get(name))


def staying(broadcasts: Broadcasts) -> str:
    """Returns a broadcast that was recalled and stands there still at a platform that takes nothing back."""
    name = sent(broadcasts, target("line", "seoul")).id
    bring_out(broadcasts)
    broadcasts.recall(name, PARK, "오보")
    (job,) = claimed(broadcasts)
    settle(broadcasts, job, "stays", error="LINE takes nothing back")
    return name


def test_what_stays_is_not_tried_anew(broadcasts: Broadcasts) -> None:
    """Where nothing can be taken back `retry` is refused, with what helps, and changes nothing."""
    name = staying(broadcasts)
    for account in ("", "line:seoul"):
        with pytest.raises(Rejected, match=f"broadcast correct {name}"):
            broadcasts.again(name, KIM, account)

    assert ({"seoul": "stays"}, []) == (states(broadcasts.get(name)), claimed(broadcasts))
    assert {name: {"stays": 1}} == broadcasts.queue.troubled()


def test_what_stays_is_put_right(broadcasts: Broadcasts) -> None:
    """Nobody is called any more when the right words stand at the same account; before that they are."""
    name = staying(broadcasts)
    right = sent(broadcasts, target("line", "seoul"), corrects=name, title="정정")
    before = broadcasts.queue.troubled()
    bring_out(broadcasts)

    assert ({name: {"stays": 1}}, {}) == (before, broadcasts.queue.troubled())
    assert {"seoul": "sent"} == states(broadcasts.get(right.id))


@pytest.mark.parametrize(("is_there", "state"), [(True, "kept"), (False, "recalled")])
def test_what_stays_is_settled(broadcasts: Broadcasts, is_there: bool, state: str) -> None:
    """A person who deleted it by hand, or leaves it there, ends the call."""
    name = staying(broadcasts)
    found = broadcasts.settle(name, KIM, "line:seoul", is_there=is_there)

    assert ({"seoul": state}, {}) == (states(found), broadcasts.queue.troubled())
    assert [] == claimed(broadcasts)


def test_one_correction_stands(broadcasts: Broadcasts) -> None:
    """Of two drafts that put the same one right one goes out; what is wrong with that one is put right itself."""
    wrong = sent(broadcasts).id
    drafts = [broadcasts.draft(draft(corrects=wrong), KIM).id for _ in range(2)]
    for name in drafts:
        for officer in (KIM, PARK):
            broadcasts.approve(name, officer)
    broadcasts.send(drafts[0], KIM)
    with pytest.raises(Rejected, match=f"broadcast correct {drafts[0]}"):
        broadcasts.send(drafts[1], KIM)
    with pytest.raises(Rejected, match=f"broadcast correct {drafts[0]}"):
        broadcasts.draft(draft(corrects=wrong), KIM)

    assert "approved" == broadcasts.get(drafts[1]).state


def test_an_account_of_two_platforms(broadcasts: Broadcasts) -> None:
    """A handle that stands for two accounts is asked for with its platform."""
    name = sent(broadcasts, target("facebook", "mayor"), target("telegram", "mayor")).id
    bring_out(broadcasts, mayor="failed")
    with pytest.raises(Rejected, match="say facebook:mayor or telegram:mayor"):
        broadcasts.again(name, KIM, "mayor")

    assert {"failed": 2} == broadcasts.get(name).counts


def test_signs_that_no_store_takes(broadcasts: Broadcasts) -> None:
    """A name with them is the name of nothing; in a reason they are left out."""
    name = sent(broadcasts).id
    with pytest.raises(Rejected, match="no such broadcast"):
        broadcasts.get("B1\0")

    assert "오보" == broadcasts.recall(name, PARK, "오\0보\n").acts[-1].why


def test_there_is_nothing_to_decide(broadcasts: Broadcasts) -> None:
    """What stands there is decided: no second try by mistake."""
    name = sent(broadcasts).id
    bring_out(broadcasts)
    with pytest.raises(Rejected, match="x:one"):
        broadcasts.again(name, KIM, "x:one")

    assert [] == claimed(broadcasts)


def test_trouble_is_told(broadcasts: Broadcasts) -> None:
    """Whoever watches sees which broadcast waits for a person."""
    name = sent(broadcasts).id
    bring_out(broadcasts, page="failed")

    assert {name: {"failed": 1}} == broadcasts.queue.troubled()


def test_keys_have_a_holder(store: CaseStore) -> None:
    """A key for broadcasts speaks for one officer; no other key does, and it opens no cases."""
    with pytest.raises(Rejected, match="--for"):
        store.keys.add("broadcasts", by="root")
    own, other = store.keys.add("broadcasts", by="root", holder=KIM), store.keys.add("gangnam", by="root")

    assert (KIM, "", "") == (store.keys.holder(own), store.keys.holder(other), store.keys.holder("eds_none"))


def post(name: str, place: int, **more: Any) -> Post:
    now = at("2026-11-23 10:00")
    given: dict[str, Any] = {"role": "repost", "of": "a", "state": "queued", "retry_at": now}
    return Post(id=name, platform="x", account=name, place=place, is_linked=True, **(given | more))


def test_what_may_be_out_keeps_its_part() -> None:
    """An account of which nobody knows whether it posted is not made to repost."""
    now = at("2026-11-23 10:00")
    lost = post("a", 0, role="post", of="", is_lost=True, tried_at=now - timedelta(minutes=1))
    changes = led([lost, post("b", 1), post("c", 2)], now, PATIENCE)

    assert {"b": ("post", ""), "c": ("repost", "b")} == changes


def test_who_failed_for_now_reposts() -> None:
    """An account that surely posted nothing stands back for one that may try now, the least tried first."""
    now = at("2026-11-23 10:00")
    later = post("a", 0, role="post", of="", tries=1, retry_at=now + timedelta(seconds=5))
    changes = led([later, post("b", 1, tries=1), post("c", 2)], now, PATIENCE)

    assert {"a": ("repost", "c"), "b": ("repost", "c"), "c": ("post", "")} == changes


def test_another_process_is_left_alone(url: str, time: Time) -> None:
    """What a process that lives is at no other one takes; when it is gone, the other one looks for it."""
    if url.startswith("sqlite"):
        pytest.skip("one process sends by a file")
    one, other = make_store(url, time), make_store(url, time)
    sent(one.broadcasts, target("facebook", "page"))
    (job,) = claimed(one.broadcasts)
    beside = claimed(other.broadcasts)
    one.broadcasts.queue.close()
    # The server notices in its own time.
    (after,) = until(lambda: claimed(other.broadcasts))
    is_ours = one.broadcasts.queue.settle(Done(id=job.id, state="failed"))
    one.close()
    other.close()

    assert ([], True, True) == (beside, after.is_lost, after.id == job.id)
    assert not is_ours
