"""An S3-compatible store for tests: moto's server in a process of its own, started when it is first asked for."""

import atexit
import subprocess
import sys
import urllib.request
from functools import cache
from itertools import count

from sinks._objects_s3 import S3, Bucket

PAGE = 5
_PROGRAM = f"""
import os, sys
# Names in one answer; a thousand would take long to fill.
os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "{PAGE}"
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
# Until whoever started this is gone.
sys.stdin.read()
server.stop()
"""
_numbers = count()


@cache
def address() -> str:
    """Returns the server's address."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(_end, process)
    assert process.stdout is not None
    host, port = process.stdout.readline().split()
    return f"http://{host}:{port}"


def _end(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=10)


def new_bucket(name: str = "") -> str:
    """Makes a bucket, or leaves the one that there is; returns its name."""
    name = name or f"city-{next(_numbers)}"
    with urllib.request.urlopen(urllib.request.Request(f"{address()}/{name}", method="PUT")) as answer:
        assert 200 == answer.status
    return name


def at(bucket: str, prefix: str = "") -> Bucket:
    """Returns how a bucket on the server is reached."""
    return Bucket(bucket=bucket, prefix=prefix, endpoint=address(), access_key="city", secret_key="secret")


def store() -> S3:
    """Returns a store in a new bucket."""
    return S3(at(new_bucket(), "eungdapso"))
