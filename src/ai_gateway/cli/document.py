"""A configuration file as the operator wrote it, turned into what the admin API is sent.

`${NAME}` is resolved here, on the operator's machine, after parsing: a value can then never become structure, and
secrets need not lie in the file. Numbers with a point stay decimal text, so that money never passes a float. A key
that stands twice is refused, because the parser would silently keep the last.
"""

import json
import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

import yaml

from ai_gateway.domain.rules import VARIABLES

REFERENCE: Final = re.compile(r"\$(?:(\$)\{|\{([^}]*)\})")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class DocumentError(Exception):
    """The file cannot be used; every problem says where it is and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_document(text: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """YAML, of which JSON is a part. Raises DocumentError.

    `${NAME}` becomes the variable's value, which must not be blank; `$${` stands for `${` itself. In texts of rules the
    gateway's own variables, such as `${tenant_id}`, stay what they are.
    """
    parsed = _parse(text)
    if not isinstance(parsed, dict):
        raise DocumentError(["The file must be a mapping, such as `providers: [...]`, `pools: [...]`."])
    problems: list[str] = []
    resolved = _resolve(cast("dict[str, Any]", parsed), environ, "", problems)
    if problems:
        raise DocumentError(problems)
    return resolved


def write_document(document: Mapping[str, Any]) -> str:
    """YAML in the order that the gateway gave, in which `read_document` reads the same values."""
    return yaml.dump(_escape(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _parse(text: str) -> Any:
    try:
        if text.lstrip().startswith(("{", "[")):
            return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError([f"The file is neither YAML nor JSON: {error}"]) from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return members


class _Loader(yaml.SafeLoader):
    pass


def _construct_decimal(_loader: yaml.SafeLoader, node: yaml.Node) -> Decimal:
    text = str(node.value)
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", text):
        raise yaml.constructor.ConstructorError(None, None, f"{text!r} is not a decimal number", node.start_mark)
    return Decimal(text)


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[str] = set()
    for name, _ in node.value:
        if str(name.value) in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{name.value!r} stands twice", name.start_mark)
        seen.add(str(name.value))
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:float", _construct_decimal)
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


class _Dumper(yaml.SafeDumper):
    pass


def _represent_decimal(_dumper: yaml.SafeDumper, number: Decimal) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:float", f"{number:f}")


_Dumper.add_representer(Decimal, _represent_decimal)


def _resolve(value: Any, environ: Mapping[str, str], place: str, problems: list[str]) -> Any:
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        return {str(name): _resolve(member, environ, f"{place}.{name}", problems) for name, member in members.items()}
    if isinstance(value, list):
        members = cast("list[Any]", value)
        return [_resolve(member, environ, f"{place}[{index}]", problems) for index, member in enumerate(members)]
    return _resolve_text(value, environ, place, problems) if isinstance(value, str) else value


def _resolve_text(text: str, environ: Mapping[str, str], place: str, problems: list[str]) -> str:
    def replace(found: re.Match[str]) -> str:
        if found[1]:
            return "${"
        name = found[2]
        if name in VARIABLES and ".rules[" in place:
            return found[0]
        if not NAME.fullmatch(name):
            problems.append(f"{place[1:]}: ${{{name}}} names no variable. Use ${{NAME}}, or $${{ for the characters.")
        elif not environ.get(name, "").strip():
            problems.append(f"{place[1:]}: ${{{name}}} is not set here. Set {name} in the environment or .env.")
        return environ.get(name, "")

    return REFERENCE.sub(replace, text)


def _escape(value: Any) -> Any:
    """Texts that look like references, so that reading gives them back as they were."""
    if isinstance(value, Mapping):
        return {name: _escape(member) for name, member in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_escape(member) for member in cast("list[Any]", value)]
    return value.replace("${", "$${") if isinstance(value, str) else value
