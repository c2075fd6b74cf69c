"""Stripe's requests: form-encoded with bracketed nesting, into typed parameters. Nothing else."""

import re
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import IntType, ListType, Type, UnionType, type_info

from ordereats.sandbox.intents import Refused

T = TypeVar("T", bound=Struct)

Form = dict[str, Any]
"""Decoded: a value is a text, or again a form for what stood in brackets."""

MAX_FIELDS = 200

Id = Annotated[str, Meta(min_length=1, max_length=255)]
Amount = Annotated[int, Meta(ge=1)]
Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)],
    ],
    Meta(max_length=50),
]


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one endpoint takes."""


class AutomaticMethods(Parameters, frozen=True):
    """Which ways to pay are offered: here it is a card, whatever is said."""

    enabled: bool
    allow_redirects: Literal["always", "never"] = "always"


class CreateIntent(Parameters, frozen=True):
    """`POST /v1/payment_intents`."""

    amount: Amount
    currency: Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z")]
    confirm: bool
    payment_method: Id
    payment_method_types: list[Literal["card"]] = []
    automatic_payment_methods: AutomaticMethods | None = None
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    metadata: Metadata = {}
    description: Annotated[str, Meta(max_length=5_000)] | None = None


class CaptureIntent(Parameters, frozen=True):
    """`POST /v1/payment_intents/{id}/capture`."""

    amount_to_capture: Amount | None = None


class CancelIntent(Parameters, frozen=True):
    """`POST /v1/payment_intents/{id}/cancel`."""

    cancellation_reason: (
        Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None
    ) = None


class ListIntents(Parameters, frozen=True):
    """`GET /v1/payment_intents`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Id | None = None


class SearchIntents(Parameters, frozen=True):
    """`GET /v1/payment_intents/search`: one term, `metadata['name']:'value'`, and no others."""

    query: Annotated[str, Meta(pattern=r"^metadata\['[^'\\]{1,40}'\]:'[^'\\]{1,500}'\Z")]
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class CreateRefund(Parameters, frozen=True):
    """`POST /v1/refunds`."""

    payment_intent: Id
    amount: Amount | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None
    metadata: Metadata = {}


class ListRefunds(Parameters, frozen=True):
    """`GET /v1/refunds`, of one intent."""

    payment_intent: Id
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Id | None = None


class ListEvents(Parameters, frozen=True):
    """`GET /v1/events`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Id | None = None


class OfOrder(Parameters, frozen=True):
    """The metadata by which the ledger can be asked."""

    order_id: Id | None = None


class ListEntries(Parameters, frozen=True, rename="camel"):
    """`GET /ledger`, which is the sandbox's own: camelCase, as OrderEats speaks."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    order_id: Id | None = None
    metadata: OfOrder = OfOrder()


class Nothing(Parameters, frozen=True):
    """Endpoints that take no parameter."""


def parse(text: bytes) -> Form:
    """Decode a body or a query: `metadata[order_id]=7` is `{"metadata": {"order_id": "7"}}`.

    Raises:
        Refused: not UTF-8, too many fields, or names that contradict one another.
    """
    form: Form = {}
    try:
        pairs = parse_qsl(
            text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise Refused("The request's parameters can't be read.") from error
    for name, value in pairs:
        _place(form, name, value)
    return form


def read(form: Form, kind: type[T]) -> T:
    """Check an endpoint's parameters one by one, so that Stripe's code for each mistake is known.

    Raises:
        Refused: the first that is unknown, missing or wrong.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in form:
        if name not in fields:
            raise Refused(
                f"Received unknown parameter: {name[:100]}",
                code="parameter_unknown",
                param=name[:100],
            )
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in form:
            values[field.name] = _value(name, form[name], field.type)
        elif field.required:
            raise Refused(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return kind(**values)


def _place(form: Form, name: str, value: str) -> None:
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise Refused(f"Invalid parameter name: {name[:100]}")
    *path, last = [parts["name"], *_BRACKETS.findall(parts["brackets"])]
    node = form
    for part in path:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise Refused(f"Contradicting parameters: {name[:100]}", param=parts["name"])
    last = last or str(len(node))  # `types[]=card`: the next of a list
    if isinstance(node.get(last), dict):
        raise Refused(f"Contradicting parameters: {name[:100]}", param=parts["name"])
    node[last] = value


def _value(name: str, given: str | Form, kind: Any) -> object:
    if given == "":
        raise Refused(
            f"You passed an empty string for '{name}'; leave the parameter out instead.",
            code="parameter_invalid_empty",
            param=name,
        )
    shapes = _shapes(kind)
    if IntType in shapes and not (isinstance(given, str) and _INTEGER.fullmatch(given)):
        raise _not_an_integer(name, "not a whole number")
    # On the wire a list is a form whose names are numbers.
    plain = list(given.values()) if ListType in shapes and isinstance(given, dict) else given
    try:
        value: object = msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as error:
        if IntType in shapes:
            raise _not_an_integer(name, str(error)) from error
        raise Refused(f"Invalid {name}: {error}", param=name) from error
    return value


@cache
def _shapes(kind: Any) -> frozenset[type[Type]]:
    found = type_info(kind)
    return frozenset(map(type, found.types if isinstance(found, UnionType) else (found,)))


def _not_an_integer(name: str, why: str) -> Refused:
    return Refused(f"Invalid integer: {name}: {why}", code="parameter_invalid_integer", param=name)


_NAME = re.compile(r"(?P<name>[^\[\]]+)(?P<brackets>(?:\[[^\[\]]*\])*)")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
