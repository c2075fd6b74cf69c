"""Violations of the policies for pods, one by one."""

from deploy import pod_policies as of_pods
from deploy.planting import GATEWAY, ORDERS, Plant, container, pod

PLANTS = [
    Plant(
        of_pods.pods_are_restricted,
        ORDERS,
        lambda it: pod(it)["securityContext"].update(runAsUser=0),
        "Deployment orders: its securityContext",
    ),
    Plant(
        of_pods.containers_are_restricted,
        "Job orders-migrate",
        lambda it: container(it)["securityContext"].update(readOnlyRootFilesystem=False),
        "Job orders-migrate, migrate: its securityContext",
    ),
    Plant(
        of_pods.containers_are_restricted,
        ORDERS,
        lambda it: container(it)["securityContext"]["capabilities"].update(
            add=["NET_BIND_SERVICE"]
        ),
        "NET_BIND_SERVICE",
    ),
    Plant(
        of_pods.pods_are_restricted,
        GATEWAY,
        lambda it: pod(it).pop("automountServiceAccountToken"),
        "automountServiceAccountToken should be false",
    ),
    Plant(
        of_pods.pods_are_restricted,
        GATEWAY,
        lambda it: pod(it).update(hostNetwork=True),
        "hostNetwork should not be there",
    ),
    Plant(
        of_pods.volumes_hold_no_host,
        ORDERS,
        lambda it: pod(it)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        "the volume host is a hostPath",
    ),
    Plant(
        of_pods.volumes_hold_no_host,
        ORDERS,
        lambda it: container(it)["volumeMounts"].pop(),
        "the volume tmp is mounted nowhere",
    ),
    Plant(
        of_pods.volumes_hold_no_host,
        ORDERS,
        lambda it: pod(it)["volumes"][0]["secret"].update(defaultMode=0o444),
        "may be read by everyone",
    ),
    Plant(
        of_pods.images_are_pinned,
        ORDERS,
        lambda it: container(it).update(image="ghcr.io/example/ordereats:latest"),
        "names no version",
    ),
    Plant(
        of_pods.images_are_pinned,
        ORDERS,
        lambda it: container(it).update(image="ordereats:0.1.0"),
        "names no registry",
    ),
    Plant(
        of_pods.containers_have_bounds,
        ORDERS,
        lambda it: container(it)["resources"]["limits"].pop("memory"),
        "Deployment orders, service: requests",
    ),
    Plant(
        of_pods.containers_have_bounds,
        ORDERS,
        lambda it: container(it)["resources"]["requests"].update(memory="1Gi"),
        "its limit is below what it requests",
    ),
    Plant(
        of_pods.probes_ask_the_right_thing,
        ORDERS,
        lambda it: container(it)["livenessProbe"]["httpGet"].update(path="/health/ready"),
        "livenessProbe asks",
    ),
    Plant(
        of_pods.probes_ask_the_right_thing,
        GATEWAY,
        lambda it: container(it).pop("readinessProbe"),
        "readinessProbe asks None",
    ),
    Plant(
        of_pods.probes_ask_the_right_thing,
        ORDERS,
        lambda it: container(it)["startupProbe"].update(failureThreshold=3),
        "given up 6 s after its start",
    ),
    Plant(
        of_pods.roll_outs_lose_nobody,
        ORDERS,
        lambda it: it["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        "its strategy is",
    ),
    Plant(
        of_pods.pods_have_time_to_stop,
        ORDERS,
        lambda it: pod(it).update(terminationGracePeriodSeconds=30),
        "leave no time",
    ),
    Plant(
        of_pods.pods_have_time_to_stop,
        GATEWAY,
        lambda it: container(it)["lifecycle"]["preStop"]["sleep"].update(seconds=3),
        "it drains for 3 s, and is known for 12 s",
    ),
    Plant(
        of_pods.pods_have_time_to_stop,
        GATEWAY,
        lambda it: container(it).pop("lifecycle"),
        "it drains for 0 s",
    ),
    Plant(
        of_pods.pods_are_spread,
        ORDERS,
        lambda it: pod(it)["topologySpreadConstraints"].pop(0),
        "is not spread over topology.kubernetes.io/zone",
    ),
    Plant(
        of_pods.deployments_have_a_budget,
        "PodDisruptionBudget orders",
        lambda it: it["spec"]["selector"]["matchLabels"].update(
            {"app.kubernetes.io/name": "order"}
        ),
        "Deployment orders: its budgets are []",
    ),
    Plant(
        of_pods.selectors_mean_one_deployment,
        "Service orders",
        lambda it: it["spec"]["selector"].pop("app.kubernetes.io/component"),
        "Service orders: its selector means",
    ),
]
