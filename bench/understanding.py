"""How fast, and how large, understanding is: every model in a fresh process on one core.

`first` is the start of an instance that never ran with these files, `load` each later one: what follows from the
city's own texts is there then (pipeline/models.py, `Kept`).

`cheap`: what places, words and the FAQ's own sentences settle (bench/texts.py). `slow`: of what citizens write
(tests/quality), with and without blanks, only that for which Kiwi is asked. No text comes twice in a process. Times
are the processor's, so that a busy machine shows the same; the clock's stand in the notes.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kiwipiepy import Kiwi

from bench._judge import Judge, bare
from bench.texts import texts
from pipeline.memory import few_arenas, settle_memory

_ROUNDS, _BATCH, _CHEAP, _ALONE = 3, 256, 2_048, 200
_LIMITS = {"cheap": 4_000.0, "slow": 600.0, "alone": 15.0, "load": 4.0, "first": 4.0, "memory": 500.0}
_WHAT = {
    "cheap": ("decisions, cheap stages settle it, batches of 256", "messages/s on one core, at least"),
    "slow": ("decisions, every one needs the slow stages, batches of 256", "messages/s on one core, at least"),
    "alone": ("decision, one alone, needs the slow stages", "ms, median, at most"),
    "load": ("all models loaded, from the start of the process", "s, at most"),
    "first": ("the same, at the first start with these files of the city", "s, at most"),
    "memory": ("memory of the process with all models, after work", "MB, at most"),
}


def rows() -> list[dict[str, Any]]:
    slow = _spoken("--scout", "")
    with TemporaryDirectory() as var:
        first = json.loads(_spoken("--child", slow, var))
        rounds = [json.loads(_spoken("--child", slow, var)) for _ in range(_ROUNDS)]
    begun = {"load": "first", "load_clock": "first_clock"}
    rounds = [one | {name: first[of] for of, name in begun.items()} for one in rounds]
    return [_row(name, [one[name] for one in rounds], rounds[-1]) for name in _WHAT]


def _row(name: str, values: Sequence[float], last: dict[str, float]) -> dict[str, Any]:
    ours = statistics.median(values)
    what, unit = _WHAT[name]
    notes = {
        "slow": f"{last['count']:.0f} messages",
        "alone": f"of 20, the slowest takes {last['alone_95']:.1f} ms",
        "load": f"{last['load_clock']:.1f} s by the clock",
        "first": f"{last['first_clock']:.1f} s by the clock",
    }
    note = f"{_ROUNDS} processes: {min(values):,.1f} to {max(values):,.1f}; {notes.get(name, '')}".rstrip("; ")
    return {"what": what, "ours": ours, "peer": None, "limit": _LIMITS[name], "unit": unit} | {
        "ratio": ours / _LIMITS[name],
        "note": note,
    }


def _spoken(part: str, said: str, var: str = "") -> str:
    """Returns what a new process says that is told this; `var` is the folder of its instance."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "BEGUN": repr(time.time())}
    command = [sys.executable, "-m", "bench.understanding", part, *((var,) if var else ())]
    done = subprocess.run(command, env=environment, input=said, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _child(slow: Sequence[str], var: Path) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # As the deciding process begins.
    few_arenas()
    judge = Judge(var=var)
    settle_memory()
    judge.router.warm()
    load, load_clock = time.process_time(), time.time() - float(os.environ["BEGUN"])
    alone, together = slow[:_ALONE], slow[_ALONE:]
    _seconds(judge, alone[:1])
    cheap = _rate(judge, texts(_CHEAP))
    seconds = sorted(_seconds(judge, [text]) for text in alone[1:])
    return {
        "cheap": cheap,
        "slow": _rate(judge, together),
        "count": len(together),
        "alone": statistics.median(seconds) * 1000,
        "alone_95": seconds[int(len(seconds) * 0.95)] * 1000,
        "load": load,
        "load_clock": load_clock,
        "memory": _megabytes(),
    }


def _scout() -> list[str]:
    """Returns the sentences for which the morphemes are asked when they come alone."""
    asked, tokenize = [0], Kiwi.tokenize

    def counted(self: Kiwi, *given: Any, **named: Any) -> Any:
        asked[0] += 1
        return tokenize(self, *given, **named)

    judge = Judge()
    judge.router.warm()
    Kiwi.tokenize = counted
    slow = []
    for text in _written():
        before = asked[0]
        judge.decisions(bare([text]))
        if asked[0] > before:
            slow.append(text)
    return slow


def _written() -> list[str]:
    files = sorted(path for part in ("faq", "topic") for path in Path("tests/quality").glob(f"{part}.*.jsonl"))
    said = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return list(dict.fromkeys(text for one in said for text in (one, one.replace(" ", ""))))


def _rate(judge: Judge, said: Sequence[str]) -> float:
    batches = [said[start : start + _BATCH] for start in range(0, len(said), _BATCH)]
    return len(said) / sum(_seconds(judge, batch) for batch in batches)


def _seconds(judge: Judge, batch: Sequence[str]) -> float:
    rows = bare(batch)
    begun = time.process_time()
    judge.decisions(rows)
    return time.process_time() - begun


def _megabytes() -> float:
    """Returns the most memory that this process has held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if sys.argv[1:] == ["--scout"]:
        print(json.dumps(_scout()))
    elif sys.argv[1:2] == ["--child"]:
        print(json.dumps(_child(json.load(sys.stdin), Path(sys.argv[2]))))
    else:
        for row in rows():
            print(f"{row['what']:60} {row['ours']:10,.1f} {row['limit']:8,.0f} {row['unit']} · {row['note']}")
