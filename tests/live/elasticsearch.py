"""A real Elasticsearch (one node) from Maven Central's jars, for tests: `python tests/live/elasticsearch.py`."""

import inspect
import re
import subprocess
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.live.server import JavaServer, fetch, home, serve

_POM = Path(__file__).resolve().parent / "elasticsearch-node" / "pom.xml"
_NODE = _POM.with_name("OneNode.java")
_TRANSPORT = "transport-netty4"
_DESCRIPTOR = """
name={name}
description=HTTP
version={version}
elasticsearch.version={version}
java.version=17
classname=org.elasticsearch.transport.netty4.Netty4Plugin
"""


class Elasticsearch(JavaServer):
    """One node, without security."""

    variable = "EUNGDAPSO_LIVE_ELASTICSEARCH"
    name = "elasticsearch"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetches the jars and compiles the launcher, once for each version of both."""
        _home()

    def start(self) -> str:
        """Starts with nothing in it; returns the URL once it answers."""
        return self.again()

    def begin(self) -> None:
        options = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{_home()}/classes:{_home()}/lib/*"]
        self._process = self._java(*options, "OneNode", str(_home()), str(self._folder / "data"), str(self.port))

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            # Indexes of the last run are there again when the node is no longer red.
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def _home() -> Path:
    recipe = "\0".join((*(source.read_text() for source in (_POM, _NODE)), _DESCRIPTOR, inspect.getsource(_install)))
    return home(Elasticsearch.name, recipe.encode(), _install)


def _install(made: Path) -> None:
    """Puts things where an installed server has them: what speaks HTTP is a module with a descriptor."""
    fetch(_POM, made / "lib")
    module = made / "modules" / _TRANSPORT
    for folder in (module, made / "config", made / "plugins", made / "classes"):
        folder.mkdir(parents=True)
    for jar in [*made.glob(f"lib/{_TRANSPORT}-*.jar"), *made.glob("lib/netty-*.jar")]:
        jar.rename(module / jar.name)
    names = [jar.name for jar in made.glob("lib/*.jar")]
    version = next(found[1] for name in names if (found := re.fullmatch(r"elasticsearch-(\d+\.\d+\.\d+)\.jar", name)))
    descriptor = _DESCRIPTOR.format(name=_TRANSPORT, version=version)
    (module / "plugin-descriptor.properties").write_text(descriptor, encoding="ascii")
    subprocess.run(["javac", "-cp", f"{made}/lib/*", "-d", str(made / "classes"), str(_NODE)], check=True)


if __name__ == "__main__":
    serve(Elasticsearch())
