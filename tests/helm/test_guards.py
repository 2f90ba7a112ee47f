"""Values that cannot work are refused, with words that say what to do."""

import pytest

from tests.helm.charts import CHART, HELMS, helm, refusal
from tests.helm.test_values import leaves, schema

ALONE = "replicas=1,observer.sources.websocket.minRemotePeers=0"

REFUSED = {
    "replicas=0": "replicas is 0: all observers would stop and forget all calls",
    "replicas=null": "replicas is null: say how many observers there are, or set autoscaling.enabled",
    "replicas=1": "observer.sources.websocket.minRemotePeers is 1: it would wait for others for ever and take no "
    "WebSocket; set it to 0",
    "observer.sources.websocket.minRemotePeers=3": "of 3 observers each has only 2 others; 1 is a good value",
    "autoscaling.enabled=true": "replicas is 3 and autoscaling.enabled is true: only one of them can set the number of "
    "observers; set replicas to null",
    "autoscaling.enabled=true,replicas=null,autoscaling.minReplicas=7": "autoscaling.minReplicas is 7, more than",
    "autoscaling.enabled=true,replicas=null,autoscaling.minReplicas=1": "there may be a single observer",
    "autoscaling.enabled=true,replicas=null,resources.requests=null": "resources.requests.cpu, so that must be set",
    "cluster.enabled=false": "several observers would know nothing of each other",
    "tls.enabled=false": "an observer refuses plain text on any address but loopback and would not start",
    "tls.existingSecret=mine,tls.certManager.enabled=true": "choose one of them",
    "tls.generated.validityDays=300": "tls.generated.renewBeforeDays must be less than",
    "tls.generated.authorityValidityDays=300": "tls.generated.authorityValidityDays must not be less than",
    "terminationGracePeriodSeconds=30": "terminationGracePeriodSeconds is 30: an observer would be killed before "
    "it has delivered what it accepted; it needs more than preStopSleepSeconds + "
    "observer.shutdownGraceInS, which is 30",
    "observer.shutdownGraceInS=${GRACE:25}": "how long that is cannot be known here, so set "
    "terminationGracePeriodSeconds",
    "micronaut.server.port=7081": "must differ: they are 7081, 7081, 5601",
    "observer.hamok.endpoint.config.serverPort=7080": "must differ: they are 7080, 7081, 7080",
    "endpoints.all.port=${PORT}": 'endpoints.all.port is "${PORT}": the Services and probes need a number',
    "micronaut.server.host=127.0.0.1": "micronaut.server.host is 127.0.0.1: nobody outside of the pod would reach it",
    "endpoints.all.host=localhost": "endpoints.all.host is localhost: nobody outside of the pod would reach it",
    "observer.hamok.endpoint.config.advertisedHost=observer-1.example.org": "advertisedHost is observer-1.example.org: "
    "all observers would go by one name; leave it out",
    "endpoints.health.enabled=false": "the probes ask it, so the pods would never be ready",
    "endpoints.prometheus.enabled=false,serviceMonitor.enabled=true": "there would be no metrics to read",
    "env[0].name=POD_NAME": "env has POD_NAME: the chart sets that itself",
    "extraVolumes[0].name=tls": "extraVolumes or volumeClaimTemplates has one named tls: the chart has that itself",
    "volumeClaimTemplates[0].metadata.name=config,volumeClaimTemplates[0].spec.accessModes[0]=ReadWriteOnce": "has one "
    "named config: the chart has that itself",
    "fullnameOverride=on": "on cannot be the name of a Service",
}

MISTYPED = {
    "replica=5": "at '': additional properties 'replica' not allowed",
    "replicas=three": "at '/replicas': got string, want null or integer",
    "tls.existingSecrt=x": "at '/tls': additional properties 'existingSecrt' not allowed",
    "ipFamily=v6": "at '/ipFamily': value must be one of 'IPv4', 'IPv6'",
    "service.type=Loadbalancer": "at '/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'",
    "podAntiAffinity=strong": "at '/podAntiAffinity': value must be one of 'soft', 'hard', 'none'",
    "micronaut.server.port=70000": "at '/micronaut/server/port': maximum: got 70,000, want 65,535",
    "observer.shutdownGraceInS=-1": "at '/observer/shutdownGraceInS': minimum: got -1, want 0",
    "podDisruptionBudget.maxUnavailable=0": "at '/podDisruptionBudget/maxUnavailable': minimum: got 0, want 1",
    "image.digest=abc": "at '/image/digest': 'abc' does not match pattern",
    "env[0].name=A,env[0].value=1": "at '/env/0/value': got number, want string",
    "clusterDomain=null": "at '': missing property 'clusterDomain'",
    "logLevel=null": "at '': missing property 'logLevel'",
    "env.PASSWORD=x": "at '/env': got object, want array",
    "podAnnotations.a=1": "at '/podAnnotations/a': got number, want string",
    "ingress.hosts=observer.example.org": "at '/ingress/hosts': got string, want array",
    "ingress.paths[0]=samples": "at '/ingress/paths/0': 'samples' does not match pattern '^/'",
}


@pytest.mark.parametrize("values", REFUSED)
def test_values_that_cannot_work_together_are_refused(values: str) -> None:
    assert REFUSED[values] in refusal("--set", values)


@pytest.mark.parametrize("name", HELMS)
@pytest.mark.parametrize("values", MISTYPED)
def test_a_value_that_is_none_is_refused_by_its_name(values: str, name: str) -> None:
    assert MISTYPED[values] in refusal("--set", values, by=name)


@pytest.mark.parametrize("block", sorted({path.rpartition(".")[0] for path, _ in leaves(schema())} - {""}))
def test_a_block_that_is_taken_away_is_missed_by_its_name_or_not_needed(block: str) -> None:
    done = helm("helm3", "template", CHART, "--set", f"{block}=null")

    name = block.rpartition(".")[2]
    assert done.returncode == 0 or f"missing property '{name}'" in done.stderr


@pytest.mark.parametrize(
    "values",
    [
        ALONE,
        f"cluster.enabled=false,{ALONE}",
        f"cluster.enabled=false,tls.enabled=false,{ALONE}",
        "replicas=2",
        "autoscaling.enabled=true,replicas=null",
        "terminationGracePeriodSeconds=31",
        "observer.shutdownGraceInS=${GRACE:25},terminationGracePeriodSeconds=60",
        "tls.enabled=false,observer.hamok.endpoint.config.serverHost=${POD_IP}",
        "global.colour=blue",
    ],
)
def test_values_that_work_are_taken(values: str) -> None:
    done = helm("helm3", "template", CHART, "--set", values)

    assert done.returncode == 0, done.stderr
