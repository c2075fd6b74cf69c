"""What the API's description says beside what Litestar finds out by itself."""

from dataclasses import dataclass
from typing import Any

from litestar import Litestar
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter

from ordereats.contracts.problems import MEDIA_TYPE, Problem
from ordereats.contracts.wire import Body

MAX_ID = 2**63 - 1
ID = PathParameter(ge=1, le=MAX_ID, description="As it was answered.")
"""For an id in a path."""

_MEANINGS = {
    400: "A required field is missing, or a value can't be right; each is named.",
    404: "There is no such thing.",
    409: "It contradicts the present state; `code` says how. Nothing was changed.",
    503: "Something that this answer needs is down; nothing was done. See `Retry-After`.",
}


def id_query(name: str, description: str) -> QueryParameter:
    """For an id in a query."""
    return QueryParameter(name=name, ge=1, le=MAX_ID, description=description)


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """For a route's `responses`: the problem documents that a client has to expect."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            media_type=MEDIA_TYPE,
            description=_MEANINGS[status],
            generate_examples=False,
        )
        for status in (400, *statuses)
    }


@dataclass
class Creates(Operation):
    """For the `operation_class` of a route that creates: it takes an `Idempotency-Key`."""

    def __post_init__(self) -> None:
        self.parameters = [
            *(self.parameters or []),
            Parameter(
                name="Idempotency-Key",
                param_in="header",
                required=False,
                description="The first answer to a key is given again for 24 h.",
                schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
            ),
        ]


def refuse_unknown_fields(app: Litestar) -> None:
    """Say of every body that it takes no other fields, as it does."""
    bodies = {kind.__name__ for kind in _subclasses(Body)}
    schemas: dict[str, Any] = app.openapi_schema.components.schemas or {}
    for name, schema in schemas.items():
        if name.rpartition("_")[2] in bodies and isinstance(schema, Schema):
            schema.additional_properties = False


def _subclasses(kind: type) -> list[type]:
    direct: list[type] = kind.__subclasses__()
    return [*direct, *(each for child in direct for each in _subclasses(child))]
