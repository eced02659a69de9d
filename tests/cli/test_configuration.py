import json
from pathlib import Path

from cli.conftest import Run
from support.admin_server import AdminServer

CHANGES = {
    "created": [{"noun": "providers", "name": "up-1"}],
    "updated": [{"noun": "pools", "name": "fast"}],
    "deleted": [],
    "warnings": ["pool fast: up-2 is not configured"],
}


def test_apply_sends_the_resolved_file_and_shows_what_changed(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/config/apply"] = (200, CHANGES)
    Path("gateway.yaml").write_text("version: 1\nproviders:\n- {name: up-1, api_key: '${UP_KEY}'}\n")
    done = run("config", "apply", "gateway.yaml", AI_GATEWAY_URL=gateway.url, UP_KEY="sk-1", AI_GATEWAY_TENANT="ten_1")
    assert done.exit_code == 0, done.output
    assert gateway.seen[0].body == {"version": 1, "providers": [{"name": "up-1", "api_key": "sk-1"}]}
    assert gateway.seen[0].headers["x-tenant-id"] == "ten_1"
    assert done.stdout.splitlines() == ["+ providers up-1", "~ pools fast", "! pool fast: up-2 is not configured"]


def test_an_unset_reference_ends_it_before_anything_is_sent(run: Run, gateway: AdminServer) -> None:
    done = run("config", "apply", "-", given="a: ${UP_KEY}", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 3
    assert "UP_KEY" in done.stderr
    assert not gateway.seen


def test_references_are_found_in_the_env_file_too(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/config/validate"] = (200, {"valid": True, "warnings": []})
    Path(".env").write_text("UP_KEY=from-file\n")
    done = run("config", "validate", "-", given="a: ${UP_KEY}", AI_GATEWAY_URL=gateway.url)
    assert (done.exit_code, gateway.seen[0].body) == (0, {"a": "from-file"})


def test_prune_is_asked_for_only_when_it_is_meant(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/config/diff"] = (200, {"created": [], "updated": [], "deleted": []})
    first = run("config", "diff", "-", given="version: 1", AI_GATEWAY_URL=gateway.url)
    run("config", "diff", "--prune", "-", given="version: 1", AI_GATEWAY_URL=gateway.url)
    assert first.stdout == "Nothing would change.\n"
    assert [seen.body for seen in gateway.seen] == [{"version": 1}, {"version": 1, "prune": True}]


def test_a_diff_shows_what_would_change_in_what_is_there(run: Run, gateway: AdminServer) -> None:
    changes = [{"path": "rules[0].max", "before": 0.8, "after": 0.5}, {"path": "pool", "before": None, "after": "a"}]
    updated = [{"noun": "route", "name": "fast", "changes": changes}]
    gateway.answers["POST /api/v1/admin/config/diff"] = (200, {"created": [], "updated": updated, "deleted": []})
    done = run("config", "diff", "-", given="version: 1", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert done.stdout == '~ route fast\n    rules[0].max: 0.8 -> 0.5\n    pool: nothing -> "a"\n'


def test_a_refused_document_and_a_refused_caller_are_two_exit_codes(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/config/validate"] = (422, {"error": {"message": "pools[0]: no provider"}})
    done = run("config", "validate", "-", given="version: 1", AI_GATEWAY_URL=gateway.url)
    assert (done.exit_code, done.stderr) == (3, "pools[0]: no provider\n")
    gateway.answers["POST /api/v1/admin/config/validate"] = (401, {"error": {"message": "No token."}})
    assert run("config", "validate", "-", given="version: 1", AI_GATEWAY_URL=gateway.url).exit_code == 1


def test_for_scripts_a_failure_is_one_document_too(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/config/validate"] = (422, {"error": {"message": "no"}})
    done = run("config", "validate", "-", "--json", given="version: 1", AI_GATEWAY_URL=gateway.url)
    assert json.loads(done.stdout) == {"ok": False, "exit_code": 3, "problems": ["no"]}
    assert done.stderr == ""


def test_a_file_that_is_not_there_is_wrong_usage(run: Run) -> None:
    done = run("config", "validate", "missing.yaml")
    assert done.exit_code == 2
    assert "missing.yaml" in done.stderr


def test_a_file_that_is_no_text_is_refused(run: Run) -> None:
    Path("x.yaml").write_bytes(b"\xff\xfe")
    assert run("config", "validate", "x.yaml").exit_code == 3


def test_export_writes_yaml_that_can_be_applied_again(run: Run, gateway: AdminServer) -> None:
    document = {"version": 1, "pools": [{"group_name": "fast"}], "note": "${KEY}"}
    gateway.answers["GET /api/v1/admin/config/export"] = (200, document)
    gateway.answers["POST /api/v1/admin/config/apply"] = (200, CHANGES)
    assert run("config", "export", "out.yaml", AI_GATEWAY_URL=gateway.url).exit_code == 0
    assert run("config", "apply", "out.yaml", AI_GATEWAY_URL=gateway.url).exit_code == 0
    assert gateway.seen[1].body == document


def test_export_prints_when_no_file_is_named(run: Run, gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/config/export"] = (200, {"version": 1})
    assert run("config", "export", AI_GATEWAY_URL=gateway.url).stdout == "version: 1\n"
    assert json.loads(run("config", "export", "--json", AI_GATEWAY_URL=gateway.url).stdout) == {"version": 1}


def test_export_says_why_a_file_cannot_be_written(run: Run, gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/config/export"] = (200, {"version": 1})
    done = run("config", "export", "no/such/folder.yaml", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 1
    assert "no/such/folder.yaml" in done.stderr
