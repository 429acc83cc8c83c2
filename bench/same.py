"""Whether the same message is always decided the same way: in a batch, alone, among others, in another process.

`python -m bench.same` decides 10,000 mixed messages; it prints one line a comparison and ends with 1 when two differ.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.texts import texts
from pipeline.preview import Preview

_COUNT, _SEED = 10_000, 11
_CONFIG = Path("pipeline.toml")
_OTHER = (
    "지금 옆집에 불이 났어요 빨리 와주세요 {n}",
    "공무원이 업체에서 뇌물 {n}만 원을 받는 것을 보았습니다",
    "신사동 {n}번지 앞 불법주차 단속해주세요",
    "부산 해운대구 {n}로 도로에 구멍이 났어요",
    "강남구역삼동{n}번지쓰레기좀치워주세요ㅠㅠ",
    "대형페기물 {n}개 버릴려면 어케 해요ㅋㅋ",
    "주민번호는 900101-1{n:06d} 전화는 010-1234-{n:04d}입니다",
    "How much is the bus fare? I take bus {n}",
    "垃圾什么时候收？{n}",
    "ゴミはいつ出せますか {n}",
    "Xe buýt số {n} giá bao nhiêu?",
    "Автобусны үнэ хэд вэ? {n}",
    "😀😀{n}",
    "{n}",
    "ㅁㄴㅇㄹ{n}",
    "제안합니다. {n}번 버스를 늘려 주십시오. " * 20,
)
_CHANNELS = ("form", "sms", "email", "webhook")
_ACCOUNTS = ("", "", "", "Seoulgyotong", "Seoul_eds")


def rows(count: int, *, seed: int = _SEED) -> list[dict[str, Any]]:
    """Returns lines of `route --jsonl`, in a mix of everything that comes in; the same for the same seed."""
    chosen = random.Random(seed)
    usual = texts(count, seed=seed)
    return [_row(chosen, text) for text in usual]


def _row(chosen: random.Random, text: str) -> dict[str, Any]:
    number = chosen.randrange(1, 9_999)
    if chosen.random() < 0.3:
        text = chosen.choice(_OTHER).format(n=number)
    day, hour = chosen.randrange(1, 29), chosen.randrange(24)
    row: dict[str, Any] = {"text": text, "channel": chosen.choice(_CHANNELS), "at": f"2026-11-{day:02d}T{hour:02d}:30"}
    if account := chosen.choice(_ACCOUNTS):
        row["account"] = account
    if chosen.random() < 0.1:
        row |= {"lat": round(chosen.uniform(37.42, 37.70), 5), "lon": round(chosen.uniform(126.76, 127.18), 5)}
    return row


def batched(preview: Preview, given: Sequence[dict[str, Any]]) -> list[str]:
    return list(preview.lines(given))


def alone(preview: Preview, given: Sequence[dict[str, Any]]) -> list[str]:
    return [line for row in given for line in preview.lines([row])]


def shuffled(preview: Preview, given: Sequence[dict[str, Any]], *, seed: int = _SEED) -> list[str]:
    """Returns the decisions in the order of `given`, made in another order: each with other neighbours."""
    order = list(range(len(given)))
    random.Random(seed).shuffle(order)
    decided = dict(zip(order, preview.lines([given[place] for place in order]), strict=True))
    return [decided[place] for place in range(len(given))]


def by_command(given: Sequence[dict[str, Any]], *, hash_seed: int) -> list[str]:
    """Returns what `eungdapso route --jsonl` writes, in a process of its own with another order of sets."""
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in given)
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "pipeline", "route", "--jsonl", "--config", str(_CONFIG)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


def main() -> None:
    given = rows(int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT)
    first = by_command(given, hash_seed=1)
    actions = Counter(json.loads(line)["action"] for line in first)
    print(f"{len(first):,} messages: {dict(actions.most_common())}")
    ways: dict[str, Callable[[], list[str]]] = {
        "a second run": lambda: by_command(given, hash_seed=2),
        "one by one": lambda: alone(Preview(_CONFIG), given),
        "among others": lambda: shuffled(Preview(_CONFIG), given),
    }
    differing = 0
    for name, way in ways.items():
        other = way()
        count = sum(one != two for one, two in zip(first, other, strict=True))
        differing += count
        print(f"{name}: {count} of {len(first):,} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
