"""A real PostgreSQL server on a loopback port: started for tests, killed and started anew, gone without a trace.

`python tests/live/postgres.py` prints its address and runs until Ctrl-C.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.live.server import free_port, serve

_INSTALLS_SECONDS = 600
_STARTS_SECONDS = 60
_STOPS_SECONDS = 30
_PAUSE_SECONDS = 0.05
_USER = "eungdapso"
# A server of PostgreSQL refuses to run as root; Debian's package brings this user.
_SERVER_USER = "postgres"
_APT = {"DEBIAN_FRONTEND": "noninteractive"}


class Postgres:
    """One server with a folder of its own. Nothing is left of it after `stop`; only its own processes are ended."""

    # Tells tests its address.
    variable = "EUNGDAPSO_LIVE_POSTGRESQL"

    def __init__(self, *, password: str = "", certificate: tuple[Path, Path] | None = None) -> None:
        """With `password` whoever connects is asked for it (SCRAM); `certificate` and its key turn TLS on."""
        self._password, self._certificate = password, certificate
        self._folder: Path | None = None
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Installs Debian's package where there is no PostgreSQL; may take a minute."""
        if _programs() is None:
            for what in (("update", "-q"), ("install", "-q", "-y", "--no-install-recommends", _SERVER_USER + "ql")):
                subprocess.run(["apt-get", *what], check=True, env=os.environ | _APT, timeout=_INSTALLS_SECONDS)

    def start(self) -> str:
        """Makes a fresh server and returns its address once it answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="eungdapso-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, _SERVER_USER, _SERVER_USER)
        self.port = free_port()
        auth = [f"--pwfile={self._kept('password', self._password)}"] if self._password else []
        auth += [f"--auth={'scram-sha-256' if self._password else 'trust'}"]
        kind = (*auth, f"--username={_USER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        # The server's user may not be allowed to read the folder that we work in.
        subprocess.run(
            [self._program("initdb"), *kind, "-D", self._folder / "data"],
            check=True,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            **_as_server(),
        )
        return self.again()

    def again(self) -> str:
        """Starts the server on the folder and port that it had; returns its address once it answers."""
        folder = self._place()
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        if self._certificate is not None:
            certificate, key = (self._kept(file.name, file.read_text()) for file in self._certificate)
            settings += ["ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={key}"]
        with (folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._program("postgres"), "-D", folder / "data", *(f"--{setting}" for setting in settings)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_as_server(),
            )
        self._answers()
        return self.url

    def kill(self) -> None:
        """Ends every process of the server at once, as a power cut does."""
        server = self._server
        if server is None:
            return
        # Its children are groups of their own; asleep, it cannot replace those that are gone.
        server.send_signal(signal.SIGSTOP)
        for pid in (*_children(server.pid), server.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait()
        self._server = None

    def stop(self) -> None:
        """Ends the server in order, where it runs, and removes its folder; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            # "Fast": whoever is connected is sent away.
            server.send_signal(signal.SIGINT)
            server.wait(_STOPS_SECONDS)
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def _answers(self) -> None:
        deadline = time.monotonic() + _STARTS_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2, password=self._password or None).close()
            except psycopg.OperationalError:
                server = self._server
                if server is None or server.poll() is not None or time.monotonic() > deadline:
                    said = (self._place() / "log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start:\n{said[-2000:]}") from None
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _kept(self, name: str, text: str) -> Path:
        """Returns a file that the server's user alone may read."""
        file = self._place() / name
        file.write_text(text)
        file.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(file, _SERVER_USER, _SERVER_USER)
        return file

    def _program(self, name: str) -> Path:
        folder = _programs()
        if folder is None:
            raise RuntimeError("there is no PostgreSQL here; call prepare(), or install Debian's package postgresql")
        return folder / name

    def _place(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the server was not started")
        return self._folder


def _programs() -> Path | None:
    """Returns the folder with initdb and postgres, the newest version where there are several."""
    packaged = Path("/usr/lib/postgresql")
    by_age = sorted(packaged.glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]), reverse=True)
    found = by_age[0] if by_age else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _as_server() -> dict[str, Any]:
    """Returns how a process of the server is run: never as root."""
    return {"user": _SERVER_USER, "group": _SERVER_USER, "extra_groups": []} if os.geteuid() == 0 else {}


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which may hold blanks and brackets: the state, then the parent.
            state_and_parent = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(state_and_parent[1]) == pid:
                found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    serve(Postgres())
