"""A run that lies does not count: each book that may differ is made to differ."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from benchmarks.blocks import QUICK, Bench, Contestant, Strain, Voided
from benchmarks.ours import our_gateway
from benchmarks.parts.small import governed
from benchmarks.plan import Target
from benchmarks.upstream import Knobs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def bench(folder: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack, folder, QUICK, strict=False)


@pytest.fixture
def direct(bench: Bench) -> Contestant:
    bench.upstream.turn_to(Knobs())
    return Contestant("direct", bench.upstream.pid, Target(bench.upstream.port, {}))


def test_an_honest_block_counts(bench: Bench, direct: Contestant) -> None:
    block = bench.closed(direct, seconds=0.3)

    assert block.units == block.result.right > 0
    assert 0 < block.cpu_us < 100_000


def test_failed_answers_void_a_block(bench: Bench, direct: Contestant) -> None:
    bench.upstream.turn_to(Knobs(fail_every=5))

    with pytest.raises(Voided, match="answers are right"):
        bench.closed(direct, seconds=0.3)


def test_another_answer_than_the_expected_voids_a_block(bench: Bench, direct: Contestant) -> None:
    bench.upstream.turn_to(Knobs(words=30))

    with pytest.raises(Voided, match="another answer"):
        bench.closed(direct, seconds=0.3)


def test_a_void_round_is_taken_again_and_told(bench: Bench) -> None:
    outcomes = iter(["void", "fine", "fine"])

    def turn() -> str:
        if (outcome := next(outcomes)) == "void":
            raise Voided("a lie")
        return outcome

    told = len(bench.voided)
    rounds = bench.interleave({"one": turn})

    assert rounds == [{"one": "fine"}] * QUICK.rounds
    assert bench.voided[told:] == ["a lie"]


def test_turns_are_taken_backwards_every_second_time(bench: Bench) -> None:
    order: list[str] = []

    bench.interleave({name: lambda name=name: order.append(name) for name in "AB"})

    assert order == ["A", "B", "B", "A"]


def test_a_busy_machine_voids_where_it_matters(tmp_path: Path) -> None:
    with ExitStack() as stack:
        strict = Bench(stack, tmp_path, QUICK, strict=True)
        with pytest.raises(Voided, match="others used"):
            strict.judge(Strain(others=0.04, stolen=0.0, seconds=1.0))
        with pytest.raises(Voided, match="host took"):
            strict.judge(Strain(others=0.0, stolen=0.02, seconds=1.0))
        strict.judge(Strain(others=0.02, stolen=0.005, seconds=1.0))


def test_slices_of_a_block_are_one_cost(bench: Bench, direct: Contestant) -> None:
    served = bench.upstream.ledger().answers
    rounds = bench.alternate([direct])

    assert len(rounds) == QUICK.rounds
    assert sum(one["direct"].units for one in rounds) == bench.upstream.ledger().answers - served
    assert all(0 < one["direct"].cpu_us < 100_000 for one in rounds)


def test_our_gateway_is_held_against_its_own_ledger(bench: Bench, folder: Path) -> None:
    """The whole way once: configured as an operator would, with the rows held back during the block and checked after
    it; then with a row that costs a nano-dollar more than it should."""
    bench.upstream.turn_to(Knobs())
    with ExitStack() as stack:
        ours = our_gateway(stack, folder / "ours", bench.upstream.port)
        who = governed(ours)
        block = bench.closed(who, seconds=0.5)
        booked = ours.booked()
        with sqlite3.connect(folder / "ours" / "data" / "gateway.db", timeout=20) as database:
            database.execute(
                "CREATE TRIGGER dearer AFTER INSERT ON ledger WHEN NEW.id % 7 = 0 BEGIN"
                " UPDATE ledger SET cost_nano_usd = cost_nano_usd + 1 WHERE id = NEW.id; END"
            )
        database.close()
        with pytest.raises(Voided, match="the ledger has"):
            bench.closed(who, seconds=0.5)

    assert booked.rows == block.units
    # 17 tokens in at 150 nano-dollars and 31 out at 600: 2,550 + 18,600 an answer
    assert booked.cost_nano == 21_150 * block.units
