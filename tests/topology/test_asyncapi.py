"""The AsyncAPI document says what the code does: every event, its shape, who says and hears it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from architecture.documents import read_facts
from architecture.house import HERE
from ordereats.chassis.messaging.cloudevents import headers_of
from ordereats.chassis.messaging.rabbitmq_link import EVENTS
from ordereats.chassis.service import Service
from ordereats.contracts.events import event_types, type_of
from ordereats.contracts.wire import decode
from ordereats.topology import asyncapi
from ordereats.topology.assembly import on_nothing
from support.builders import a_message

GOLDEN = HERE.root / "tests" / "contracts" / "golden"

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[list[Service]]:
    async with on_nothing() as everything:
        yield list(everything.services)


@pytest.fixture(scope="module")
def document(services: list[Service]) -> Json:
    return asyncapi.document(services)


def test_a_service_that_no_longer_hears_something_is_noticed(
    services: list[Service], document: Json
) -> None:
    deaf = [replace(each, subscriptions=()) for each in services]

    missing = set(document["operations"]) - set(asyncapi.document(deaf)["operations"])

    assert "payments.hears.order.placed.v1" in missing
    assert all(".hears." in name for name in missing)


def test_a_service_that_is_gone_is_noticed(services: list[Service], document: Json) -> None:
    without = [each for each in services if each.name != "kitchen"]

    missing = set(document["operations"]) - set(asyncapi.document(without)["operations"])

    assert {"kitchen.sends.ticket.accepted.v1", "kitchen.hears.order.paid.v1"} <= missing


def test_every_event_is_in_it(document: Json) -> None:
    ours = {name for name in event_types() if (GOLDEN / f"{name}.json").exists()}

    assert set(document["channels"]) == ours
    assert len(ours) == len(list(GOLDEN.iterdir()))


def test_each_service_says_and_hears_in_it_what_its_code_does(document: Json) -> None:
    for name, its in read_facts(HERE).items():
        for words, facts in (("sends", its.publishes), ("hears", its.consumes)):
            told = {
                operation.removeprefix(f"{name}.{words}.").removesuffix(".v1")
                for operation in document["operations"]
                if operation.startswith(f"{name}.{words}.")
            }
            assert told == facts, (name, words)


def test_every_event_that_is_heard_is_said(document: Json) -> None:
    operations = document["operations"].values()
    channels = {
        action: {each["channel"]["$ref"] for each in operations if each["action"] == action}
        for action in ("send", "receive")
    }

    assert channels["receive"] <= channels["send"]
    assert channels["send"] == {f"#/channels/{name}" for name in document["channels"]}


def test_every_reference_leads_somewhere(document: Json) -> None:
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in place, reference
            place = place[part]


def test_every_channel_is_a_routing_key_of_the_one_exchange(document: Json) -> None:
    for name, channel in document["channels"].items():
        binding = channel["bindings"]["amqp"]
        assert (channel["address"], binding["exchange"]["name"]) == (name, EVENTS)


@pytest.mark.parametrize("file", sorted(GOLDEN.iterdir()), ids=lambda file: file.stem)
def test_what_is_sent_has_the_shape_that_is_described(file: Any, document: Json) -> None:
    validator = payload_validator(document, file.stem)
    sent = msgspec.json.decode(file.read_bytes())

    assert validator.is_valid(sent)
    for name in sent:
        assert not validator.is_valid(sent | {name: {"of": "another kind"}}), name
        if sent[name] is not None and name in required(document, file.stem):
            assert not validator.is_valid({key: sent[key] for key in sent if key != name}), name


def test_what_goes_along_has_the_shape_that_is_described(document: Json) -> None:
    described = document["components"]["messageTraits"]["cloudEvent"]["headers"]
    sent = headers_of(a_message())

    assert set(sent) == set(described["properties"])
    assert jsonschema_rs.is_valid(described, sent)
    assert not jsonschema_rs.is_valid(described, sent | {"cloudEvents:version": 0})


def test_it_says_of_fields_what_the_code_says_of_them(document: Json) -> None:
    schema = document["components"]["schemas"]["TicketRejected"]

    assert schema["description"] == "A kitchen said no."
    assert schema["properties"]["soldOut"]["description"] == "dishes that are no more to be had."


def test_it_says_what_is_money_and_what_is_a_time(document: Json) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["OrderPaid"]["properties"]["total"] == {"$ref": "#/components/schemas/Money"}
    assert schemas["TicketCreated"]["properties"]["acceptBy"]["format"] == "date-time"


def test_it_is_what_asyncapi_means(document: Json) -> None:
    official = HERE.root / "tests" / "topology" / "asyncapi_schema" / "3.0.0.json"
    validator = jsonschema_rs.validator_for(msgspec.json.decode(official.read_bytes()))
    first = next(iter(document["operations"]))
    wrong = document["operations"] | {first: document["operations"][first] | {"action": "say"}}

    assert [str(error) for error in validator.iter_errors(document)] == []
    assert not validator.is_valid(document | {"operations": wrong})


@pytest.mark.parametrize("file", sorted(GOLDEN.iterdir()), ids=lambda file: file.stem)
def test_each_event_has_an_example_that_could_be_sent(file: Any, document: Json) -> None:
    (name,) = document["channels"][file.stem]["messages"]
    (given,) = document["components"]["messages"][name]["examples"]

    assert payload_validator(document, file.stem).is_valid(given["payload"])
    read = decode(msgspec.json.encode(given["payload"]), event_types()[file.stem])
    assert type_of(read) == file.stem


def payload_validator(document: Json, wire_name: str) -> jsonschema_rs.Validator:
    name = payload_name(document, wire_name)
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema_rs.validator_for(schema)


def required(document: Json, wire_name: str) -> list[str]:
    schema = document["components"]["schemas"][payload_name(document, wire_name)]
    return list(schema["required"])


def payload_name(document: Json, wire_name: str) -> str:
    (message,) = document["channels"][wire_name]["messages"]
    payload: str = document["components"]["messages"][message]["payload"]["$ref"]
    return payload.rpartition("/")[2]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield str(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
