"""CEL, loaded when the first condition is compiled, and without the package around it.

The package's own `__init__` imports an interactive shell: 284 ms for nothing that a gateway needs, against 17 for the
extension itself. So the extension is loaded as what it is, one module in a folder, under its own full name: whoever
imports the package later finds it there, and it is never loaded twice (it refuses to be).
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Final, Protocol, cast

_PACKAGE: Final = "cel"
_NAME: Final = "cel.cel"


class Program(Protocol):
    def execute(self, context: dict[str, Any]) -> Any:
        """Raises Exception of many kinds."""
        ...

    def variables(self) -> list[str]: ...

    def functions(self) -> list[str]: ...


class Cel(Protocol):
    def compile(self, expression: str) -> Program:
        """Raises ValueError."""
        ...


def load_cel() -> Cel:
    """Raises ImportError where it is not installed."""
    there = sys.modules.get(_NAME)
    if there is not None:
        return cast(Cel, there)
    package = find_spec(_PACKAGE)
    spec = None if package is None else PathFinder.find_spec(_NAME, package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError("conditions need the package common-expression-language", name=_PACKAGE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_NAME] = module
    return cast(Cel, module)
