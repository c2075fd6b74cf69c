"""What the API's description says beside what Litestar finds out by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import cleandoc
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Parameter, RequestBody, Schema, Tag
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from msgspec import Struct

from ordereats.chassis.docstrings import told
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
                description=(
                    "The first answer to a key is given again for 24 h; with another body it is"
                    " 409 `idempotency_key_reused`."
                ),
                schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
            ),
        ]


@dataclass
class ReadsAnyObject(Operation):
    """For the `operation_class` of a route that reads the bytes of its body by itself."""

    def __post_init__(self) -> None:
        anything = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(content={"application/json": anything}, required=True)


class Structs(OpenAPISchemaPlugin):
    """Completes the schemas of structs: with their docstrings, and that a body takes no more."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether it is a struct."""
        return not field_definition.is_union and field_definition.is_subclass_of(Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """As Litestar has it, and what it leaves out."""
        own = next(
            each
            for each in schema_creator.plugins
            if each is not self and schema_creator.plugin_supports_field(each, field_definition)
        )
        schema: Schema = own.to_openapi_schema(field_definition, schema_creator)
        kind: type[Struct] = field_definition.annotation
        about, meanings = told(kind)
        schema.description = about or None
        for name, its in (schema.properties or {}).items():
            said = [each for each in (meanings.get(name), its.description) if each]
            its.description = " ".join(said) or None
            if isinstance(its, Schema):
                _count_items_once(its)
        if issubclass(kind, Body):
            schema.additional_properties = False  # as it does: unknown fields are refused
        return schema


def tags(routes: Sequence[HTTPRouteHandler]) -> list[Tag]:
    """The tags of routes of services, each with what the package of its service says of itself."""
    packages = {tag: route.fn.__module__ for route in routes for tag in route.resolve_tags()}
    return [Tag(tag, _about(module)) for tag, module in packages.items()]


def take_off_indentation(app: Litestar) -> None:
    """Of docstrings that Litestar took as they stand, as it does those of enumerations."""
    schemas: dict[str, Any] = app.openapi_schema.components.schemas or {}
    for schema in schemas.values():
        schema.description = schema.description and cleandoc(schema.description)


def _count_items_once(schema: Schema) -> None:
    """Of `tuple[Dish, ...]` with bounds Litestar says that each item is a Dish, or else anything.

    What is both is then neither: by that, nothing right could be sent.
    """
    match schema.items:
        case Schema(one_of=[kind, Schema() as rest]) if rest == Schema():
            schema.items = kind


def _about(module: str) -> str | None:
    """Of `users: people and their roles.`, which a package says, the latter."""
    said = import_module(module.rpartition(".")[0]).__doc__ or ""
    about = said.rpartition(": ")[2]
    return about[:1].upper() + about[1:] or None
