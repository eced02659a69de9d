"""JSON Schema made into the subset of OpenAPI 3.0 that Google's older models take (`Schema` of their API).

What is converted means the same: `$ref` into `$defs` is replaced by what it points at, `const` is an `enum` of one,
`["string", "null"]` and an `anyOf` with `null` are `nullable`, `oneOf` is `anyOf`, an `allOf` of one is that one,
a tuple of types is an `anyOf`. What has no place there is told by its path and left out only where the route allows
it; words that restrict nothing (`title`'s kin: `$schema`, `$id`, `$comment`, `examples`, `deprecated`) go silently,
and so do `default` and `additionalProperties`, which this subset cannot say and whose absence allows nothing to the
model that a caller's validation would not catch: both are told as forgiven.
"""

from typing import Final, cast

from ai_gateway.domain.conversation import Json
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.losses import Losses

DEEPEST: Final = 64

_KEPT: Final = frozenset(
    {
        "description",
        "title",
        "format",
        "nullable",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "pattern",
        "required",
        "propertyOrdering",
        "example",
    }
)
_SILENT: Final = frozenset({"$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "examples", "deprecated"})
_FORGIVEN: Final = frozenset({"additionalProperties", "default", "readOnly", "writeOnly"})
_FORMATS: Final = frozenset({"float", "double", "int32", "int64", "enum", "date-time"})
_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object"})


def openapi_of(schema: dict[str, Json], losses: Losses, path: str) -> dict[str, Json]:
    """`path` names the schema to the caller ("tools[0].parameters"). Schemas that contain themselves cannot be written
    without `$ref` and are told to `losses`."""
    definitions: dict[str, object] = {}
    for home in ("$defs", "definitions"):
        for name, value in as_object(schema.get(home)).items():
            definitions[f"#/{home}/{name}"] = value
    return _Converting(schema, definitions, losses).convert(schema, path, ())


class _Converting:
    def __init__(self, root: dict[str, Json], definitions: dict[str, object], losses: Losses) -> None:
        self._root = root
        self._definitions = definitions
        self._losses = losses

    def convert(self, schema: object, path: str, within: tuple[str, ...]) -> dict[str, Json]:
        """`within`: the references that lead here, so that one which comes again is seen."""
        if not isinstance(schema, dict):  # true: anything goes
            if schema is not True:
                self._losses.unsupported(path, "this model takes no schema that nothing satisfies")
            return {}
        said = cast("dict[str, Json]", schema)
        if "$ref" in said:
            return self._referred(said, path, within)
        written: dict[str, Json] = {}
        for name, value in said.items():
            if name in _KEPT:
                if name != "format" or value in _FORMATS:
                    written[name] = value
                else:
                    self._losses.forgiven(f"{path}.format")
            elif name in _FORGIVEN:
                self._losses.forgiven(f"{path}.{name}")
            elif name not in _SILENT:
                self._write(written, name, value, path, within)
        return written

    def _referred(self, said: dict[str, Json], path: str, within: tuple[str, ...]) -> dict[str, Json]:
        name = str(said["$ref"])
        target = self._root if name == "#" else self._definitions.get(name)
        if target is None or name in within or len(within) >= DEEPEST or (name == "#" and target is self._root):
            self._losses.unsupported(f"{path}.$ref", "this model takes no schema that contains itself")
            return {"type": "object"}
        beside = {key: value for key, value in said.items() if key != "$ref"}
        return {**self.convert(target, path, (*within, name)), **self.convert(beside, path, within)}

    def _write(self, written: dict[str, Json], name: str, value: Json, path: str, within: tuple[str, ...]) -> None:
        match name:
            case "type":
                self._type(written, value, path)
            case "properties":
                written[name] = {
                    key: self.convert(each, f"{path}.properties.{key}", within)
                    for key, each in as_object(value).items()
                }
            case "items":
                written[name] = self.convert(value, f"{path}.items", within)
            case "enum":
                self._enum(written, as_list(value), path)
            case "const":
                self._enum(written, [value], path)
            case "anyOf" | "oneOf":
                self._any_of(written, as_list(value), f"{path}.{name}", within)
            case "allOf" if len(as_list(value)) == 1:
                written.update(self.convert(as_list(value)[0], f"{path}.allOf[0]", within))
            case "prefixItems":
                items: dict[str, Json] = {}
                self._any_of(items, as_list(value), f"{path}.prefixItems", within)
                written.setdefault("items", items)
            case _:
                self._losses.unsupported(f"{path}.{name}", "this model takes only a part of JSON Schema")

    def _type(self, written: dict[str, Json], value: Json, path: str) -> None:
        types = [it for it in (as_list(value) or [value]) if it != "null"]
        if len(types) < len(as_list(value)):
            written["nullable"] = True
        if len(types) == 1 and _is_type(types[0]):
            written["type"] = types[0]
        elif types and all(_is_type(it) for it in types):
            written["anyOf"] = [{"type": it} for it in types]
        elif types:
            self._losses.unsupported(f"{path}.type", "this model does not know the type")

    def _enum(self, written: dict[str, Json], values: list[object], path: str) -> None:
        """Only strings may be enumerated."""
        if None in values:
            written["nullable"] = True
        told = [it for it in values if it is not None]
        if all(isinstance(it, str) for it in told):
            written.update({"enum": told, "type": "string"} if told else {})
        else:
            self._losses.unsupported(f"{path}.enum", "this model takes only strings there")

    def _any_of(self, written: dict[str, Json], several: list[object], path: str, within: tuple[str, ...]) -> None:
        told = [it for it in several if as_object(it).get("type") != "null"]
        if len(told) < len(several):
            written["nullable"] = True
        converted = [self.convert(it, f"{path}[{at}]", within) for at, it in enumerate(told)]
        if len(converted) == 1:
            written.update({**converted[0], **written})
        elif converted:
            written["anyOf"] = converted


def _is_type(name: object) -> bool:
    """OpenAPI writes them as JSON Schema does; Google's own documents, in capitals."""
    return isinstance(name, str) and name.lower() in _TYPES
