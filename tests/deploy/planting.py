"""A violation of a policy: what is planted where, and who has to catch it."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.policies import Policy
from deploy.rendering import Object

ORDERS, GATEWAY = "Deployment orders", "Deployment gateway"


@dataclass(frozen=True, slots=True)
class Plant:
    """One violation, planted in the objects of production.

    Attributes:
        breaks: the policy that has to catch it.
        where: the object in which something is changed: `Deployment orders`.
        change: changes it.
        says: what the policy's message has to name.
    """

    breaks: Policy
    where: str
    change: Callable[[Object], object]
    says: str


def container(thing: Object) -> Object:
    found: Object = thing["spec"]["template"]["spec"]["containers"][0]
    return found


def pod(thing: Object) -> Object:
    found: Object = thing["spec"]["template"]["spec"]
    return found
