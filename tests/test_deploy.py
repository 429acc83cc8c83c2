"""What operations start says the same as the program: roles, ports, topics, secrets, versions. Needs no engine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs would be one package more

from pipeline.build import GROUPS
from pipeline.run import Asked
from pipeline.settings import PipelineSettings
from web import service

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
CONFIGS = {"compose": ROOT / "deploy" / "pipeline.toml", "kubernetes": KUBERNETES / "base" / "pipeline.toml"}
ROLES = sorted(set(get_args(Asked)) - {"all"})
WITH_PAGES = {"intake", "web"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
TEXTS = [ROOT / "compose.yaml", ROOT / "deploy" / "secrets.sh", *sorted(KUBERNETES.rglob("*.yaml"))]
OURS = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}
_STOP_SECONDS = 10
HAS_OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
INSIDE = {"/healthz", "/readyz", "/metrics"}


async def _nothing() -> tuple[bool, Mapping[str, Any]]:
    return True, {}


PATHS = {route.path for route in service.routes(_nothing, bytes)}


def manifests() -> Iterator[dict[str, Any]]:
    """Yields every object that stands in the folder."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    """Returns the objects of these kinds by their names, without what is laid over others."""
    found = [one for one in manifests() if one.get("kind") in kinds and one["metadata"]["name"] != "every"]
    return {one["metadata"]["name"]: one for one in found}


def container(workload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the only container of a Deployment, a StatefulSet or a Job."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


WORKLOADS = of_kind("Deployment", "StatefulSet")


def settings_of(path: Path) -> PipelineSettings:
    return PipelineSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(params=CONFIGS)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file where the containers have it: beside the city's own files."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    path = tmp_path / "pipeline.toml"
    path.write_bytes(CONFIGS[request.param].read_bytes())
    return path


def secrets() -> dict[str, str]:
    """Returns a value for every secret that anything can ask for."""
    names = set().union(*(named_in(path) for path in CONFIGS.values()), *(named_in(path) for path in TEXTS))
    return dict.fromkeys(names, "0" * 64) | {"EUNGDAPSO_WEBHOOK_SECRET": "whsec_" + "A" * 44}


def eungdapso(words: str, config: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *words.split(), "--config", str(config)]
    return subprocess.run(command, cwd=ROOT, env=OURS | environment, capture_output=True, text=True, check=False)


def named_in(path: Path) -> set[str]:
    return set(re.findall(r"\bEUNGDAPSO_[A-Z0-9_]+", path.read_text(encoding="utf-8")))


def known_secrets() -> set[str]:
    """Returns the names that the configurations give to secrets, and those that channels look for by themselves."""
    referred = {name for path in CONFIGS.values() for name in named_in(path)}
    own = {
        f"EUNGDAPSO_{file.stem.upper()}_{key}"
        for file in (ROOT / "connectors").glob("*.py")
        for key in re.findall(r'\.secret\(.+, "([A-Z_]+)"\)', file.read_text(encoding="utf-8"))
    }
    return referred | own


def test_the_configuration_has_no_mistake(config: Path, found_before: Path) -> None:
    """`eungdapso check` finds nothing, and every channel would run with the secrets that are made or named."""
    done = eungdapso("check", config, **secrets() | {"EUNGDAPSO_VAR": str(found_before)})

    assert (0, "") == (done.returncode, done.stderr)
    assert "note:" not in done.stdout


def test_the_city_keeps_its_hours_and_periods_everywhere(config: Path) -> None:
    """What the law and the city say does not depend on where the program runs."""
    shipped = tomllib.loads((ROOT / "pipeline.toml").read_text(encoding="utf-8"))
    there = tomllib.loads(config.read_text(encoding="utf-8"))

    assert [shipped[table] for table in ("hours", "deadlines", "limits")] == [
        there[table] for table in ("hours", "deadlines", "limits")
    ]
    assert list(shipped["connectors"]) == list(there["connectors"])


@pytest.mark.parametrize("engine", ["stream", "cases", "search", "objects"])
def test_no_engine_is_a_file(config: Path, engine: str) -> None:
    """Where many machines work together, nothing is kept by one of them."""
    assert "embedded" != getattr(settings_of(config), engine)


def test_every_role_listens_where_others_reach_it(config: Path) -> None:
    """Nothing that is asked from another container listens on its own loopback."""
    settings = settings_of(config)

    assert {"0.0.0.0"} == {settings.web.host, settings.health.host, settings.connectors["email"]["host"]}


def test_the_ports_are_those_of_the_shipped_configuration(config: Path) -> None:
    """Who knows the ports of one machine knows these."""
    shipped, there = settings_of(ROOT / "pipeline.toml"), settings_of(config)

    assert ports_of(shipped) == ports_of(there)


def ports_of(settings: PipelineSettings) -> tuple[int, int]:
    return settings.web.port, settings.connectors["email"]["port"]


def port_of(role: str, name: str) -> int:
    """Returns where a role answers, as the configuration says it."""
    settings = settings_of(CONFIGS[name])
    return settings.web.port if role in WITH_PAGES else settings.health.port or 0


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_secret_is_named_that_nobody_reads(path: Path) -> None:
    """A variable that is set somewhere is one that the program or an engine is told by."""
    assert set() == named_in(path) - known_secrets() - {"EUNGDAPSO_VAR"}


@pytest.mark.parametrize("path", CONFIGS.values(), ids=list(CONFIGS))
def test_every_secret_is_made_or_named(path: Path) -> None:
    """Whatever the configuration refers to stands in what operations fill in."""
    assert set() == named_in(path) - named_in(ROOT / "deploy" / "secrets.sh")


def test_no_secret_stands_in_a_file() -> None:
    """Passwords come from the environment of who starts it."""
    given = [
        value
        for one in SERVICES.values()
        for name, value in one.get("environment", {}).items()
        if re.search(r"PASSWORD|SECRET|KEY", name)
    ]

    assert given
    assert all(re.fullmatch(r"\$\{EUNGDAPSO_[A-Z0-9_]+:\?.+}", value) for value in given)


def written(file: Path, path: str = os.environ["PATH"], umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    """Runs what makes the secrets."""
    command = ["/bin/sh", str(ROOT / "deploy" / "secrets.sh"), str(file)]
    return subprocess.run(command, env={"PATH": path}, umask=umask, capture_output=True, text=True, check=False)


@HAS_OPENSSL
def test_secrets_are_long_and_for_their_owner_alone(tmp_path: Path) -> None:
    """Each is random, none is empty, and nobody else on the machine can read them."""
    done = [written(tmp_path / name, umask=0) for name in ("a.env", "b.env")]
    first, second = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("a.env", "b.env"))
    values = dict(line.split("=", 1) for line in first if not line.startswith("#"))
    same = [line for line in first if line in second and not line.startswith("#")]

    assert [(0, "", "")] * 2 == [(one.returncode, one.stdout, one.stderr) for one in done]
    assert re.fullmatch(r"[0-9a-f]{64}", values["EUNGDAPSO_KEY"])
    assert all(len(value) >= 44 for name, value in values.items() if name != "EUNGDAPSO_S3_ACCESS_KEY")
    assert ["EUNGDAPSO_S3_ACCESS_KEY=eungdapso"] == same
    assert {"a.env": 0o600, "b.env": 0o600} == {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}


@HAS_OPENSSL
def test_the_only_key_is_never_written_over(tmp_path: Path) -> None:
    """Run twice, the second time changes nothing and says so."""
    (tmp_path / ".env").write_text("EUNGDAPSO_KEY=the only one\n", encoding="utf-8")
    done = written(tmp_path / ".env")

    assert 1 == done.returncode
    assert "nothing was written" in done.stderr
    assert {".env": "EUNGDAPSO_KEY=the only one\n"} == {one.name: one.read_text() for one in tmp_path.iterdir()}


@pytest.mark.parametrize("openssl", [None, "exit 1", "exit 0", "echo ab"], ids=["missing", "failing", "mute", "short"])
def test_no_secret_is_empty(tmp_path: Path, openssl: str | None) -> None:
    """Without random bytes there is no file, rather than one whose keys are empty."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cat", "ln", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    if openssl is not None:
        (programs / "openssl").write_text(f"#!/bin/sh\n{openssl}\n", encoding="utf-8")
        (programs / "openssl").chmod(0o700)
    done = written(tmp_path / ".env", path=str(programs))

    assert 1 == done.returncode
    assert "nothing was written" in done.stderr
    assert ["bin"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("path", [*TEXTS, ROOT / "docs" / "operations.md"], ids=lambda path: path.name)
def test_nobody_is_told_to_write_over_secrets(path: Path) -> None:
    """A shell empties the file behind `>` before anything can look whether the only key is in it."""
    assert not re.search(r"secrets\.sh\s*>", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES)
def test_compose_runs_every_role(role: str) -> None:
    """Each role is a service of its own, as often as wanted, and stops cleanly in the time that it is given."""
    command = " ".join([*SERVICES[role].get("command", ()), *SERVICES[role].get("entrypoint", ())])

    assert f"run --role {role}" in command
    assert 1 < SERVICES[role]["deploy"]["replicas"]
    assert int(SERVICES[role]["stop_grace_period"].removesuffix("s")) > _STOP_SECONDS


@pytest.mark.parametrize("role", ROLES)
def test_compose_asks_every_role_at_its_own_port(role: str) -> None:
    """The check asks for an address that this role answers."""
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", SERVICES[role]["healthcheck"]["test"][-1])

    assert asked
    assert (str(port_of(role, "compose")), True) == (asked[1], asked[2] in PATHS)


@pytest.mark.parametrize("name", SERVICES)
def test_compose_asks_everything_that_keeps_running(name: str) -> None:
    """Every service is asked how it is, but for those that end by themselves."""
    once = {"bucket", "setup"}

    assert (name in once) != (SERVICES[name].get("healthcheck", {}).get("test") is not None)
    assert "restart" in SERVICES[name]
    assert name in once or "memory" in SERVICES[name]["deploy"]["resources"]["limits"]


def test_compose_is_reached_on_loopback_only() -> None:
    """Out of the box nobody but this machine reaches web and mail, and nobody at all an engine."""
    published = [port for one in SERVICES.values() for port in one.get("ports", ())]

    assert ["127.0.0.1:8120:8120", "127.0.0.1:8025:8025"] == published


def test_compose_names_what_is_there() -> None:
    """Whom a service waits for and what it mounts exist; nothing is declared that nobody uses."""
    mounted = {mount.partition(":")[0] for one in SERVICES.values() for mount in one.get("volumes", ())}
    configs = {given["source"] for one in SERVICES.values() for given in one.get("configs", ())}

    assert all(set(one.get("depends_on", ())) <= set(SERVICES) for one in SERVICES.values())
    assert (set(COMPOSE["volumes"]), set(COMPOSE["configs"])) == (mounted, configs)
    assert all((ROOT / config["file"]).is_file() for config in COMPOSE["configs"].values())


def test_compose_starts_the_brokers_that_are_configured() -> None:
    """There are as many brokers as copies, each named in the address and to the others."""
    settings = settings_of(CONFIGS["compose"])
    brokers = [name for name in SERVICES if name.startswith("kafka")]

    assert settings.kafka.replication == len(brokers)
    assert "kafka://" + ",".join(f"{name}:9092" for name in brokers) == settings.stream
    assert {",".join(f"{place}@{name}:9093" for place, name in enumerate(brokers, 1))} == {
        SERVICES[name]["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"] for name in brokers
    }


def test_the_gate_knows_the_doors() -> None:
    """The gate listens at both ports and reaches the roles where they answer."""
    gate = (ROOT / "deploy" / "gate.cfg").read_text(encoding="utf-8")
    web, mail = ports_of(settings_of(ROOT / "pipeline.toml"))

    assert {str(web), str(mail)} == set(re.findall(r"bind :(\d+)", gate))
    assert [f"intake:{web}", f"web:{web}", f"intake:{mail}"] == re.findall(r"server-template \w+ \d+ (\S+)", gate)


def test_the_gate_decodes_before_it_refuses() -> None:
    """Whatever spelling the web would take for /metrics or /readyz, the gate takes for the same."""
    gate = (ROOT / "deploy" / "gate.cfg").read_text(encoding="utf-8")
    (refused,) = re.findall(r"http-request return status 404 if \{ path,url_dec -m beg (.+) }", gate)

    assert {"/metrics", "/readyz"} == set(refused.split())


def test_the_world_reaches_pages_and_nothing_else() -> None:
    """The ingress names every page, call and hook, and nothing that is for those inside; it refuses what it does not
    know, however that is spelled."""
    (rule,) = of_kind("Ingress")["eungdapso"]["spec"]["rules"]
    paths = {(one["path"], one["pathType"]): one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web").glob("*.py"))
    # Given as a word, or by a name that stands for one.
    asked = set(re.findall(r'(?:(?:Route|mount)\(|_ROOT, _PREFIX = |\bpath = )"(/[^"/{]*)', source)) - INSIDE

    assert {"/", "/api", "/static", "/c", "/open311", "/broadcasts"} <= asked
    assert {(path, "Prefix" if path != "/" else "Exact") for path in {*asked, "/hooks"}} == set(paths)
    assert {"intake"} == {name for (path, _), name in paths.items() if path == "/hooks"}
    assert not INSIDE & {path for path, _ in paths}


@pytest.mark.parametrize("role", ROLES)
def test_kubernetes_runs_every_role(role: str) -> None:
    """Each role is a workload of its own that answers where the configuration says."""
    ports = {port["name"]: port["containerPort"] for port in container(WORKLOADS[role])["ports"]}

    assert ["run", "--role", role] == container(WORKLOADS[role])["args"]
    assert port_of(role, "kubernetes") == ports["http"]


def test_only_intake_takes_mail() -> None:
    """Its port is the one of the configuration."""
    found = {
        name: port for name, one in WORKLOADS.items() for port in container(one)["ports"] if port["name"] == "smtp"
    }

    assert {"intake": ports_of(settings_of(ROOT / "pipeline.toml"))[1]} == {
        name: port["containerPort"] for name, port in found.items()
    }


def test_only_what_keeps_files_has_a_volume() -> None:
    """The sinks' var outlives its pod; every other role's does not need to."""
    assert {"sinks"} == set(of_kind("StatefulSet"))
    assert ["var"] == [one["metadata"]["name"] for one in WORKLOADS["sinks"]["spec"]["volumeClaimTemplates"]]


@pytest.mark.parametrize("role", sorted(of_kind("Deployment")))
def test_a_new_version_is_there_before_the_old_one_goes(role: str) -> None:
    """No upgrade makes fewer of a role than there were."""
    strategy = WORKLOADS[role]["spec"]["strategy"]["rollingUpdate"]

    assert {"maxUnavailable": 0, "maxSurge": 1} == strategy


@pytest.mark.parametrize("role", ROLES)
def test_an_eviction_takes_one_at_a_time(role: str) -> None:
    """Every role has a budget that fits its pods."""
    budget, labels = of_kind("PodDisruptionBudget")[role]["spec"], WORKLOADS[role]["spec"]["template"]["metadata"]

    assert 1 == budget["maxUnavailable"]
    assert labels["labels"] == budget["selector"]["matchLabels"] == WORKLOADS[role]["spec"]["selector"]["matchLabels"]


def test_every_role_is_asked_for_what_it_answers() -> None:
    """Probes ask for addresses that exist, and a stop is waited for."""
    spec = _laid_over("role.yaml")
    probes = [spec["containers"][0][kind]["httpGet"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")]

    assert {"/healthz"} == {probe["path"] for probe in probes} <= PATHS
    assert spec["terminationGracePeriodSeconds"] > _STOP_SECONDS + 5


def test_pods_may_do_nothing_that_they_need_not() -> None:
    """Not root, nothing written but var and tmp, no rights, no token."""
    spec = _laid_over("pod.yaml")
    inside = spec["containers"][0]

    assert (True, False) == (spec["securityContext"]["runAsNonRoot"], spec["automountServiceAccountToken"])
    assert (True, False, ["ALL"]) == (
        inside["securityContext"]["readOnlyRootFilesystem"],
        inside["securityContext"]["allowPrivilegeEscalation"],
        inside["securityContext"]["capabilities"]["drop"],
    )
    assert {"/app/var", "/tmp"} == {
        mount["mountPath"] for mount in inside["volumeMounts"] if not mount.get("readOnly", False)
    }


def _laid_over(name: str) -> dict[str, Any]:
    document = yaml.safe_load((KUBERNETES / "base" / name).read_text(encoding="utf-8"))
    return dict(document["spec"]["template"]["spec"])


def test_the_image_and_the_pods_are_of_one_user() -> None:
    """Who owns var in the image is who runs in the cluster."""
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    given = _laid_over("pod.yaml")["securityContext"]

    assert user
    assert (int(user[1]), int(user[2]), int(user[2])) == (given["runAsUser"], given["runAsGroup"], given["fsGroup"])


def test_lag_is_asked_of_groups_that_exist() -> None:
    """Topics and groups are those of the code, under the configured prefix."""
    settings = settings_of(CONFIGS["kubernetes"])
    prefix = settings.kafka.prefix
    real = {(prefix + topic, prefix + group) for topic, groups in GROUPS.items() for group in groups}
    scaled = of_kind("ScaledObject").values()
    asked = {
        (t["metadata"]["topic"], t["metadata"]["consumerGroup"]) for one in scaled for t in one["spec"]["triggers"]
    }

    assert asked <= real
    assert {"router", "cases", "reply"} == {group.removeprefix(prefix) for _, group in asked}
    assert {settings.kafka.partitions} == {one["spec"]["maxReplicaCount"] for one in scaled}


def test_what_is_scaled_is_there() -> None:
    """Every role is scaled once, as the kind that it is."""
    scaled = [*of_kind("HorizontalPodAutoscaler").values(), *of_kind("ScaledObject").values()]
    targets = [one["spec"]["scaleTargetRef"] for one in scaled]

    assert sorted((target["kind"], target["name"]) for target in targets) == sorted(
        (one["kind"], name) for name, one in WORKLOADS.items()
    )


def test_services_lead_to_pods() -> None:
    """What a service selects and the ports that it names are those of a workload."""
    for name, one in of_kind("Service").items():
        role = one["spec"]["selector"]["app.kubernetes.io/component"]
        named = {port["name"] for port in container(WORKLOADS[role])["ports"]}

        assert {port["targetPort"] for port in one["spec"]["ports"]} <= named, name


@pytest.mark.parametrize("folder", ["base", "autoscaling", "example"])
def test_the_folder_holds_what_it_lists(folder: str) -> None:
    """Every manifest is listed, every listed one is there."""
    listed = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text(encoding="utf-8"))
    own = [name for name in (*listed.get("resources", ()), *listed.get("configurations", ())) if "/" not in name]
    own += [patch["path"] for patch in listed.get("patches", ()) if "path" in patch]

    assert {path.name for path in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"} == set(own)


def test_every_image_is_of_a_version() -> None:
    """What is started tomorrow is what was started today."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    named = {one["image"].rpartition(":")[::2] for one in SERVICES.values()}
    listed = [yaml.safe_load((KUBERNETES / name / "kustomization.yaml").read_text()) for name in ("base", "example")]

    assert all(name and re.search(r"\d", tag) and "latest" not in tag for name, tag in named)
    assert {version} == {tag for name, tag in named if name == "eungdapso"}
    assert {version} == {image["newTag"] for one in listed for image in one["images"]}


def test_the_image_can_say_its_version() -> None:
    """Nothing is installed in it: the version stands in a file that is copied, like all others that it is told to."""
    copied = re.findall(r"^COPY (.+) \./$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert "pyproject.toml" in " ".join(copied).split()
    assert all((ROOT / name).is_file() for name in " ".join(copied).split())
