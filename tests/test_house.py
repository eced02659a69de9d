"""The rules of the house that a machine can check. Each rule is a function from source files to violations, and each is
shown a violation first: a rule that cannot fail guards nothing."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import names_to_scrub

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "ai_gateway"
TESTS = ROOT / "tests"

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "service", "services", "base", "misc"}
MOST_LINES = 450

# Where there is nothing to execute but declarations, which everything that uses them tests.
DECLARATIONS = {
    "admin/doors.py",
    "domain/chat.py",
    "domain/config.py",
    "domain/events.py",
    "domain/traffic.py",
    "runtime/ports.py",
    "store/records.py",
    "store/rows.py",
}
# What a test of another name covers, because the subject has several files.
TESTED_ELSEWHERE = {
    "cli/__main__.py": "process/test_packaged.py",
    "store/lease_statements.py": "store/test_leases.py",
    "store/memory.py": "store/test_contract.py",
    "store/sql.py": "store/test_contract.py",
}

# B-18: no float near money. Where seconds stand beside it, as in funding and leases, a rule about text sees nothing.
MONEY = (
    "admin/money.py",
    "admin/price_fields.py",
    "admin/prices.py",
    "admin/rerate.py",
    "admin/usage.py",
    "domain/budgets.py",
    "domain/leases.py",
    "domain/price_book.py",
    "domain/prices.py",
    "gateway/growing.py",
    "gateway/pricing_rule.py",
    "gateway/purse.py",
    "policy/leases.py",
    "policy/pricing.py",
    "policy/quotas.py",
    "policy/refusals.py",
    "policy/unpriced.py",
    "policy/windows.py",
    "policy/worst_case.py",
    "providers/usage.py",
    "runtime/accounts.py",
    "runtime/cells.py",
    "runtime/corrections.py",
    "runtime/journal.py",
    "runtime/meters.py",
    "runtime/shortages.py",
    "store/charges.py",
    "store/lease_statements.py",
    "store/ledger.py",
    "store/receipts.py",
    "store/usage.py",
    "store/windows.py",
)
MAY_READ_CLOCKS = ("runtime/clock.py",)
MAY_BE_RANDOM = (
    "store/rows.py",
    "store/vault.py",
    "store/instance_keys.py",
    "store/keyfile.py",
    "runtime/ids.py",
    "admin/",
    "main.py",
)
MAY_MAKE_TASKS = ("runtime/tasks.py",)

CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}
TASKS = {"asyncio.create_task", "asyncio.ensure_future", "loop.create_task", "TaskGroup", "asyncio.TaskGroup"}
HIDDEN_CHANCE = re.compile(r"random\.(?!Random$|SystemRandom$)\w+")
REAL_CHANCE = {"os.urandom", "uuid.uuid4", "uuid.uuid1"}


class Source(NamedTuple):
    """A file of the package: its path below it, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


@cache
def sources() -> tuple[Source, ...]:
    found = sorted(PACKAGE.rglob("*.py"))
    return tuple(Source(str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")) for path in found)


def is_under(path: str, places: Iterable[str]) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


@cache
def calls(source: Source) -> tuple[tuple[int, str], ...]:
    found = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return tuple((node.lineno, ast.unparse(node.func)) for node in found)


@cache
def imported(source: Source) -> tuple[tuple[int, str], ...]:
    """Every imported thing by its whole name: 'random.choice' for `from random import choice`."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
    return tuple(found)


def banned_names(source: Source) -> list[str]:
    return [
        f"{source.path}: name the noun or the verb it is about" for _ in [0] if Path(source.path).stem in BANNED_NAMES
    ]


def long_files(source: Source) -> list[str]:
    lines = source.text.count("\n")
    return [f"{source.path}: {lines} lines, at most {MOST_LINES}"] if lines > MOST_LINES else []


def floats_near_money(source: Source) -> list[str]:
    if not is_under(source.path, MONEY):
        return []
    literals = [
        f"{source.path}:{node.lineno}: {node.value!r}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    divisions = [
        f"{source.path}:{node.lineno}: / makes a float"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
    ]
    return literals + divisions + [f"{source.path}:{line}: float(" for line, name in calls(source) if name == "float"]


def clocks(source: Source) -> list[str]:
    if is_under(source.path, MAY_READ_CLOCKS):
        return []
    used = [*calls(source), *imported(source)]
    return [f"{source.path}:{line}: {name}" for line, name in used if name in CLOCKS]


def chance(source: Source) -> list[str]:
    """random's module functions share a hidden generator: nowhere. Real chance only where ids and keys are made."""
    used = [*calls(source), *imported(source)]
    hidden = [f"{source.path}:{line}: {name}" for line, name in used if HIDDEN_CHANCE.fullmatch(name)]
    if is_under(source.path, MAY_BE_RANDOM):
        return hidden
    return hidden + [
        f"{source.path}:{line}: {name}"
        for line, name in used
        if name in REAL_CHANCE or name.startswith("secrets.token") or name == "secrets.choice"
    ]


def tasks(source: Source) -> list[str]:
    if is_under(source.path, MAY_MAKE_TASKS):
        return []
    return [
        f"{source.path}:{line}: {name}; use runtime.tasks"
        for line, name in calls(source)
        if name in TASKS or name.endswith((".create_task", ".ensure_future"))
    ]


def framework_middleware(source: Source) -> list[str]:
    """It runs each request in a task of its own and breaks streaming and disconnects."""
    return [
        f"{source.path}:{line}: {name}"
        for line, name in imported(source)
        if name.split(".")[-1] == "BaseHTTPMiddleware"
    ]


def hidden_sockets(source: Source) -> list[str]:
    """What import contracts cannot name: parts of standard packages whose other parts are innocent."""
    if not source.path.startswith(("policy/", "providers/", "domain/")):
        return []
    doors = ("http.client", "http.server", "urllib.request")
    return [f"{source.path}:{line}: {name}" for line, name in imported(source) if name.startswith(doors)]


def swallowed_exceptions(source: Source) -> list[str]:
    return [
        f"{source.path}:{node.lineno}: an exception is dropped without a trace"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]


def undocumented_modules(source: Source) -> list[str]:
    if not source.text.strip() or ast.get_docstring(source.tree):
        return []
    return [f"{source.path}: the module does not say what it is for"]


Rule = Callable[[Source], list[str]]

RULES: dict[Rule, Source] = {
    banned_names: Source("policy/utils.py", ""),
    long_files: Source("policy/x.py", "x = 1\n" * (MOST_LINES + 1)),
    floats_near_money: Source("policy/pricing.py", "cost = tokens * 0.15"),
    clocks: Source("policy/x.py", "import time\nnow = time.time()"),
    chance: Source("policy/x.py", "import random\nx = random.choice(y)"),
    tasks: Source("gateway/x.py", "import asyncio\nasyncio.create_task(f())"),
    framework_middleware: Source("admin/x.py", "from starlette.middleware.base import BaseHTTPMiddleware"),
    hidden_sockets: Source("policy/x.py", "from urllib.request import urlopen"),
    swallowed_exceptions: Source("jobs/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
    undocumented_modules: Source("jobs/x.py", "x = 1"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_is_kept(rule: Rule) -> None:
    violations = [violation for source in sources() for violation in rule(source)]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_what_breaks_it(rule: Rule) -> None:
    assert rule(RULES[rule])


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (clocks, "from time import monotonic"),
        (clocks, "from datetime import datetime\nx = datetime.now(tz)"),
        (chance, "from random import shuffle"),
        (chance, "import secrets\nx = secrets.token_hex(8)"),
        (tasks, "self._loop.create_task(f())"),
    ],
)
def test_the_rule_finds_other_spellings(rule: Rule, text: str) -> None:
    assert rule(Source("policy/x.py", text))


def test_b18_no_room_of_money_has_a_float_in_it() -> None:
    rooms = [source for source in sources() if source.path in MONEY]
    assert len(rooms) == len(MONEY), "every room of the list is there"
    assert not [violation for room in rooms for violation in floats_near_money(room)]


def test_b18_floats_by_division_and_conversion_are_found_near_money_only() -> None:
    assert floats_near_money(Source("policy/quotas.py", "x = a / b"))
    assert floats_near_money(Source("policy/quotas.py", "x = float(a)"))
    assert not floats_near_money(Source("policy/quotas.py", "x = a // b"))
    assert not floats_near_money(Source("policy/health.py", "x = 0.5"))


def test_every_source_file_has_its_test() -> None:
    missing = [
        f"{source.path} -> tests/{expected[0]}"
        for source in sources()
        if (expected := mirrors_of(source)) and not any((TESTS / test).is_file() for test in expected)
    ]
    assert not missing, "\n".join(missing)


def mirrors_of(source: Source) -> list[str]:
    """The test files of which a source file must have one; none where it has nothing to test."""
    path = Path(source.path)
    if source.path in DECLARATIONS or path.parts[:2] == ("store", "migrations") or not has_behaviour(source):
        return []
    if source.path in TESTED_ELSEWHERE:
        return [TESTED_ELSEWHERE[source.path]]
    if path.name == "__init__.py":
        name = f"test_{path.parent.name}.py"
        return [str(path.parent / name), str(path.parent.parent / name)]
    return [str(path.parent / f"test_{path.name}")]


def has_behaviour(source: Source) -> bool:
    """Whether a function in it does anything: protocols and empty packages do not."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not all(
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) for statement in node.body
        )
        for node in ast.walk(source.tree)
    )


def test_the_exceptions_from_having_a_test_are_still_needed() -> None:
    present = {source.path for source in sources()}
    assert not [path for path in DECLARATIONS | set(TESTED_ELSEWHERE) if path not in present]


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in TESTS.rglob("test_*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_everything_that_can_be_chosen_is_in_its_table() -> None:
    from ai_gateway.domain.config import ProviderType, Strategy
    from ai_gateway.policy.load_balancer import STRATEGIES
    from ai_gateway.providers.kinds import KINDS

    assert set(KINDS) == set(ProviderType)
    assert set(STRATEGIES) <= set(Strategy)
    files = {path.stem for path in (PACKAGE / "policy" / "load_balancer").glob("*.py")} - {"__init__"}
    assert files == {strategy.value for strategy in STRATEGIES} | {"sticky"}  # around any of them


def requirement_names(lines: Iterable[str]) -> set[str]:
    found = (
        re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?", line.strip()) for line in lines if not line.startswith(("-", "#"))
    )
    return {match[0].lower() for match in found if match}


def test_the_wheel_asks_for_what_the_lock_was_made_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"runtime": project["dependencies"], "otel": project["optional-dependencies"]["otel"]}
    for name, dependencies in wanted.items():
        lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
        assert requirement_names(dependencies) == requirement_names(lines), name


@pytest.mark.parametrize("lock", ["bootstrap", "runtime", "build", "otel", "dev"])
def test_a_lock_has_a_hash_for_every_pin_and_names_no_registry(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    pins = re.split(r"\n(?=[a-z0-9])", text)
    assert not [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin]
    assert not re.findall(r"https?://|--(?:extra-)?index-url|--find-links|file:", text)


def test_the_other_locks_agree_with_the_runtime_lock() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements" / f"{name}.lock").read_text(), re.M))

    runtime = pins("runtime")
    for name in ("build", "otel", "dev"):
        assert {pin: at for pin, at in pins(name).items() if runtime.get(pin, at) != at} == {}, name
    assert runtime.items() <= pins("dev").items()


def test_the_example_env_file_ships_without_a_key() -> None:
    assert (ROOT / ".env.example").read_text() == (
        "# Gateway-level keys are OPTIONAL\n"
        "# Tenants bring their own via Provider Configs\n"
        "OPENAI_API_KEY=\n"
        "ANTHROPIC_API_KEY=\n"
    )


def test_what_could_spend_money_is_taken_out_of_the_environment() -> None:
    spending = ["OPENAI_API_KEY", "GROQ_API_KEY", "DATABASE_URL", "REDIS_URL", "AI_GATEWAY_ADMIN_TOKEN", "HTTPS_PROXY"]
    spending += ["https_proxy", "OTEL_EXPORTER_OTLP_ENDPOINT", "HF_TOKEN", "OPENAI_BASE_URL", "PGHOST"]
    kept = ["PATH", "HOME", "CI", "AI_GATEWAY_TEST_INSTALL", "PYTHONPATH", "TMPDIR"]
    assert names_to_scrub([*spending, *kept]) == spending
