"""Violations of the policies for a whole set of objects, one by one."""

from collections.abc import Callable

from deploy import policies
from deploy.planting import ORDERS, Plant, container
from deploy.rendering import Object


def env(name: str, value: str) -> Callable[[Object], object]:
    return lambda thing: container(thing)["env"].append({"name": name, "value": value})


def also(rule: Object, way: str) -> Callable[[Object], object]:
    """One rule more of a network policy."""
    return lambda thing: thing["spec"][way].append(rule)


def policy(way: str, rule: Object) -> Callable[[Object], object]:
    """One rule more of a network policy."""
    return lambda thing: thing["spec"][way].append(rule)


def trigger(**metadata: str) -> Object:
    return {"type": "rabbitmq", "metadata": {"protocol": "amqp", **metadata}}


USERS = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "users"}}}
USERS_DATABASE = {"podSelector": {"matchLabels": {"cnpg.io/cluster": "users-database"}}}
ANYTHING = {"ipBlock": {"cidr": "0.0.0.0/0"}}
PLANTS = [
    Plant(
        policies.objects_have_their_form,
        ORDERS,
        lambda it: container(it).update(livenesProbe={}),
        "livenesProbe",
    ),
    Plant(
        policies.objects_have_their_form,
        "ScaledObject orders",
        lambda it: it["spec"].update(maxReplicas=3),
        "maxReplicas",
    ),
    Plant(
        policies.objects_have_their_form,
        "Cluster orders-database",
        lambda it: it["spec"].update(instances="3"),
        "Cluster orders-database: Expected `int`",
    ),
    Plant(
        policies.objects_have_their_form,
        "Job users-migrate",
        lambda it: it["metadata"].update(name="orders-migrate"),
        "Job orders-migrate is there twice",
    ),
    Plant(
        policies.objects_have_a_place_and_a_stage,
        ORDERS,
        lambda it: it["metadata"].update(namespace="default"),
        "Deployment orders: its namespace is default",
    ),
    Plant(
        policies.objects_have_a_place_and_a_stage,
        "Job orders-migrate",
        lambda it: it["metadata"]["labels"].pop("ordereats/stage"),
        "Job orders-migrate: its stage is None",
    ),
    Plant(
        policies.objects_have_a_place_and_a_stage,
        "Namespace ordereats",
        lambda it: it["metadata"]["labels"].clear(),
        "Pod Security is None",
    ),
    Plant(
        policies.secrets_are_only_named,
        ORDERS,
        env("SMTP_URL", "smtp://me:secret@mail.example.com"),
        "SMTP_URL shows a secret",
    ),
    Plant(
        policies.secrets_are_only_named,
        "Deployment payments",
        env("STRIPE_API_KEY", "sk_live_4242"),
        "STRIPE_API_KEY shows a secret",
    ),
    Plant(
        policies.secrets_are_only_named,
        ORDERS,
        lambda it: container(it)["envFrom"].append({"secretRef": {"name": "orders-broker"}}),
        "puts a secret into the environment",
    ),
    Plant(
        policies.secrets_are_only_named,
        "ObjectStore backups",
        lambda it: it.update(kind="Secret"),
        "Secret backups: holds a secret",
    ),
    Plant(
        policies.secrets_are_explained,
        "TriggerAuthentication orders",
        lambda it: it["spec"]["secretTargetRef"][0].update(key="host"),
        "the secret orders-broker with its key host",
    ),
    Plant(
        policies.settings_are_known,
        ORDERS,
        env("DATABSE_URL", "x"),
        "DATABSE_URL is no setting",
    ),
    Plant(
        policies.settings_are_known,
        ORDERS,
        env("FAILPOINTS", "on"),
        "FAILPOINTS is no setting for here",
    ),
    Plant(
        policies.settings_are_known,
        ORDERS,
        env("LOG_LEVEL", "debug"),
        "LOG_LEVEL is set twice",
    ),
    Plant(
        policies.settings_are_known,
        ORDERS,
        env("SMTP_URL_FILE", "/run/secrets/mail/url"),
        "SMTP_URL_FILE is /run/secrets/mail/url, which nothing brings",
    ),
    Plant(
        policies.maps_are_there,
        ORDERS,
        lambda it: container(it)["envFrom"][0]["configMapRef"].update(name="orders"),
        "ConfigMap orders is not there",
    ),
    Plant(
        policies.commands_are_the_programs,
        "Job broker-apply",
        lambda it: container(it).update(args=["brokers", "apply"]),
        "ordereats brokers apply is no command",
    ),
    Plant(
        policies.commands_are_the_programs,
        "Job orders-migrate",
        lambda it: container(it).update(args=["migrate"]),
        "ordereats migrate is no command",
    ),
    Plant(
        policies.commands_are_the_programs,
        "Job orders-migrate",
        lambda it: container(it).update(args=["migrate", "ordres"]),
        "ordereats migrate ordres is no command",
    ),
    Plant(
        policies.every_service_is_there,
        ORDERS,
        lambda it: container(it).update(args=["serve", "users"]),
        "orders: it runs ['serve', 'users']",
    ),
    Plant(
        policies.every_service_is_there,
        ORDERS,
        lambda it: it["metadata"].update(name="riders"),
        "orders: has no Deployment",
    ),
    Plant(
        policies.every_service_is_there,
        "Service kitchen",
        lambda it: it["metadata"].update(name="kitchens"),
        "kitchen: there is no Service kitchen",
    ),
    Plant(
        policies.each_knows_whom_it_asks,
        "Deployment kitchen",
        env("USERS_URL", "http://users:3000"),
        "Deployment kitchen: it is told of {'USERS_URL'",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy orders",
        policy("egress", {"to": [USERS_DATABASE]}),
        "orders → users-database:5432 is allowed at one end only",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy services",
        lambda it: it["spec"].update(ingress=[{}], egress=[{}]),
        "kitchen → users:3000 is allowed, and nobody needs it",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy services",
        policy("ingress", {"from": [{"namespaceSelector": {}}]}),
        "stranger → orders:3000 is allowed",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy called-by-orders",
        lambda it: it["spec"]["podSelector"]["matchExpressions"][0]["values"].remove("kitchen"),
        "orders → kitchen:3000 is needed, and not allowed",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy nothing",
        lambda it: it["spec"].update(podSelector={"matchLabels": {"no": "body"}}),
        "what no policy names is allowed",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy payments-provider",
        lambda it: it["spec"]["egress"][0]["to"][0]["ipBlock"].pop("except"),
        "payments → anywhere:443 leads out of the cluster",
    ),
    Plant(
        policies.who_reaches_whom_is_as_the_code_says,
        "NetworkPolicy orders",
        policy("egress", {"to": [ANYTHING]}),
        "orders → anywhere:0 leads out of the cluster",
    ),
    Plant(
        policies.requests_come_in_by_the_gateway,
        "Ingress ordereats",
        lambda it: it["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
            name="orders"
        ),
        "/ leads to orders",
    ),
    Plant(
        policies.requests_come_in_by_the_gateway,
        "Ingress ordereats",
        lambda it: it["spec"].pop("tls"),
        "has no TLS",
    ),
    Plant(
        policies.requests_come_in_by_the_gateway,
        "Service orders",
        lambda it: it["spec"].update(type="LoadBalancer"),
        "Service orders: is a LoadBalancer",
    ),
    Plant(
        policies.scalers_fit_what_they_scale,
        "ScaledObject orders",
        lambda it: it["spec"]["scaleTargetRef"].update(name="order"),
        "order is to be scaled, and is not there",
    ),
    Plant(
        policies.scalers_fit_what_they_scale,
        "HorizontalPodAutoscaler gateway",
        lambda it: it["spec"]["scaleTargetRef"].update(name="orders"),
        "orders: 2 scalers",
    ),
    Plant(
        policies.scalers_fit_what_they_scale,
        ORDERS,
        lambda it: it["spec"].update(replicas=3),
        "orders: a number of replicas",
    ),
    Plant(
        policies.services_scale_by_cpu_and_their_queues,
        "ScaledObject kitchen",
        lambda it: it["spec"]["triggers"].append(trigger(queueName="orders.ticket")),
        "ScaledObject kitchen: scales by ['kitchen.order', 'orders.ticket']",
    ),
    Plant(
        policies.services_scale_by_cpu_and_their_queues,
        "ScaledObject users",
        lambda it: it["spec"]["triggers"].clear(),
        "ScaledObject users: does not scale by CPU",
    ),
    Plant(
        policies.databases_have_room_for_every_pool,
        "ScaledObject orders",
        lambda it: it["spec"].update(maxReplicaCount=20),
        "Cluster orders-database: 440 connections are needed, and 220 allowed",
    ),
    Plant(
        policies.databases_have_room_for_every_pool,
        "Cluster orders-database",
        lambda it: it["spec"]["bootstrap"]["initdb"].update(owner="postgres"),
        "its owner is not orders",
    ),
    Plant(
        policies.it_outlives_a_machine,
        "HorizontalPodAutoscaler gateway",
        lambda it: it["spec"].update(minReplicas=1),
        "gateway: one process may be all",
    ),
    Plant(
        policies.it_outlives_a_machine,
        "Cluster orders-database",
        lambda it: it["spec"]["postgresql"].pop("synchronous"),
        "orders-database: a commit may be lost",
    ),
    Plant(
        policies.it_outlives_a_machine,
        "RabbitmqCluster broker",
        lambda it: it["spec"].update(replicas=2),
        "2 nodes have no better quorum",
    ),
    Plant(
        policies.databases_are_backed_up,
        "Cluster orders-database",
        lambda it: it["spec"]["plugins"][0]["parameters"].update(barmanObjectName="elsewhere"),
        "its changes go to ['elsewhere']",
    ),
    Plant(
        policies.databases_are_backed_up,
        "ScheduledBackup orders-database",
        lambda it: it["spec"]["cluster"].update(name="users-database"),
        "orders-database: is never copied",
    ),
]
