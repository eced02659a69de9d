"""Two gateways on one PostgreSQL and in one data folder, backed up under load with the commands of the operations page,
and restored into another database and another folder: each request is there once, the sums agree, and no budget is
charged for what nobody holds any more."""

import subprocess
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from process.fleet import Fleet, sums_of
from process.test_backup import CALLERS, EVENTS, INPUT_NANO, OUTPUT_NANO
from process.test_kill import a_billing_provider, call_until_it_is_gone, connect
from support.gateway import Gateway, a_secret_environment, launch, until
from support.postgres import a_database, find_binaries

AT_LEAST = 100
DOLLARS = 50


def run(*words: object) -> None:
    done = subprocess.run([str(it) for it in words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def ai_gateway(data: Path, database: str, *words: str) -> str:
    process, output = launch(data, {**a_secret_environment(), "DATABASE_URL": database}, words)
    assert process.wait(60) == 0, output.read_text()
    return output.read_text()


def models_of(gateway: Gateway) -> set[str]:
    listed = gateway.request("GET", "/v1/models", headers={"authorization": f"Bearer {gateway.key}"})
    return {it["id"] for it in listed.json["data"]}


def rows_of(database: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(database)) as connection:
        return connection.execute(
            "SELECT client_request_id, outcome, estimated, cost_nano_usd FROM ledger ORDER BY id"
        ).fetchall()


@pytest.mark.timeout(240)
def test_database_and_journals_are_dumped_under_load_and_restored_elsewhere(
    tmp_path: Path, cluster: str, database: str
) -> None:
    data, copy, elsewhere = tmp_path / "data", tmp_path / "copy", tmp_path / "elsewhere"
    binaries, answered = find_binaries(), set[str]()
    assert binaries is not None
    key = {"AI_GATEWAY_ENCRYPTION_KEY": a_secret_environment()["AI_GATEWAY_ENCRYPTION_KEY"]}
    with (
        a_billing_provider() as (url, bill),
        a_database(cluster, database.rpartition("/")[2] + "_restored") as restored,
        Fleet(database, [data, data], **key) as fleet,
    ):
        connect(fleet.any, url)
        limited = {"scope": "tenant", "window": "daily", "limit_usd": DOLLARS}
        fleet.any.create("/budgets", limited)
        for gateway in fleet.gateways.values():
            until(lambda it=gateway: "m" in models_of(it), "the provider everywhere")
        threads = [
            threading.Thread(target=call_until_it_is_gone, args=(gateway, f"caller-{slot}-{number}", answered))
            for slot, gateway in fleet.gateways.items()
            for number in range(CALLERS)
        ]
        for thread in threads:
            thread.start()
        while len(answered) < AT_LEAST:
            threads[0].join(0.01)
        before = set(answered)
        ai_gateway(data, database, "backup", str(copy))
        run(binaries / "pg_dump", "--format=custom", f"--file={copy / 'gateway.dump'}", database)
        audits = [it.admin("GET", "/usage/audit").json for it in fleet.gateways.values()]
        for slot in sorted(fleet.gateways):
            fleet.kill(slot)
        for thread in threads:
            thread.join()
        assert sorted(it.name for it in copy.iterdir()) == ["backup.json", "gateway.dump", "journal", "journal-2"]

        run(binaries / "pg_restore", f"--dbname={restored}", copy / "gateway.dump")
        dumped = len(rows_of(restored))
        ai_gateway(elsewhere, restored, "restore", str(copy))
        with Fleet(restored, [elsewhere], **key) as again:
            until(lambda: sums_of(restored)["leased"] == 0, "the leases of the runs that were copied")
            rows = rows_of(restored)
            audited = again.any.admin("GET", "/usage/audit").json
            (budget,) = again.any.admin("GET", "/budgets").json["data"]
            suspended = again.any.admin("GET", "/leases?state=suspense").json["data"]

    print(
        f"\n{len(before)} answered before, {dumped} rows dumped, {len(rows)} restored: {sorted({it[1] for it in rows})}"
    )
    for audit in (*audits, audited):
        assert audit["agrees"], audit
    metrics = [it for audit in audits for it in audit["checks"] if "total of this process" in it["compared"]]
    assert sum(it["found_nano_usd"] > 0 for it in metrics) == len(metrics), "each compares its own, under load"
    by_name = {row[0]: row for row in rows}
    assert len(by_name) == len(rows) >= dumped, "nothing is counted twice"
    assert before <= set(by_name), "what was answered before the backup began is in it"
    for name, (_, outcome, estimated, cost) in by_name.items():
        if outcome == "ok":
            assert cost == bill.numbers[name] * INPUT_NANO + EVENTS * OUTPUT_NANO
        else:
            assert (outcome, estimated) == ("orphan", True)
    assert budget["spent_nano_usd"] == sum(it[3] for it in rows)
    assert (budget["leased_nano_usd"], suspended) == (0, [])
