"""A backup that is made under load and restored elsewhere: the sums are right and nothing is counted twice."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from process.test_kill import Bill, a_billing_provider, all_rows, call_until_it_is_gone, connect
from support.gateway import INHERITED, SOURCE, Gateway, running_gateway

CALLERS = 6
AT_LEAST = 100
INPUT_NANO, OUTPUT_NANO, EVENTS = 1_000, 2_000, 6


def ai_gateway(data: Path, *words: str) -> str:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "ai_gateway.cli", *words],
        env={**inherited, "PYTHONPATH": str(SOURCE), "AI_GATEWAY_DATA_DIR": str(data)},
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_backup_under_load_restored_elsewhere_has_each_request_once(tmp_path: Path) -> None:
    data, copy, elsewhere = tmp_path / "data", tmp_path / "copy", tmp_path / "elsewhere"
    answered: set[str] = set()
    with a_billing_provider() as (url, bill):
        with running_gateway(data) as gateway:
            connect(gateway, url)
            names = [f"caller-{number}" for number in range(CALLERS)]
            threads = [threading.Thread(target=call_until_it_is_gone, args=(gateway, it, answered)) for it in names]
            for thread in threads:
                thread.start()
            while len(answered) < AT_LEAST:
                threads[0].join(0.01)
            before = set(answered)
            ai_gateway(data, "backup", str(copy))
            gateway.process.kill()
            gateway.wait()
            for thread in threads:
                thread.join()
        manifest = json.loads((copy / "backup.json").read_text())
        ai_gateway(elsewhere, "restore", str(copy))
        (elsewhere / "encryption.key").write_bytes((data / "encryption.key").read_bytes())
        with running_gateway(elsewhere) as gateway:
            check(gateway, bill, before, manifest)
            audit = gateway.admin("GET", "/usage/audit").json
            assert audit["agrees"], audit


def check(gateway: Gateway, bill: Bill, before: set[str], manifest: dict[str, int]) -> None:
    rows = all_rows(gateway)
    by_name = {row["client_request_id"]: row for row in rows}
    outcomes = sorted({row["outcome"] for row in rows})
    print(f"\n{len(before)} answered before, {manifest['ledger_rows']} rows copied, {len(rows)} restored: {outcomes}")
    assert len(by_name) == len(rows), "nothing is counted twice"
    assert before <= set(by_name), "what was answered before the backup began is in it"
    assert len(rows) >= manifest["ledger_rows"]
    for name, row in by_name.items():
        if row["outcome"] == "ok":
            assert row["cost_nano_usd"] == bill.numbers[name] * INPUT_NANO + EVENTS * OUTPUT_NANO
        else:
            assert (row["outcome"], row["estimated"]) == ("orphan", 1)
    total = gateway.admin("GET", "/usage?by=").json["total"]
    assert total["cost_nano_usd"] == sum(row["cost_nano_usd"] for row in rows)
