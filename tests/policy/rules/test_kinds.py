from ai_gateway.policy.rules.kinds import KINDS


def test_every_kind_is_in_the_table_under_its_name() -> None:
    assert {name: kind.sides for name, kind in KINDS.items()} == {
        "system_prompt": ("request",),
        "inject": ("request",),
        "append_text": ("response",),
        "cap": ("request",),
        "floor": ("request",),
        "set": ("request", "response"),
        "default": ("request",),
        "drop": ("request", "response", "both"),
        "rename": ("request",),
        "add_metadata": ("request", "response", "both"),
        "tools": ("request",),
        "replace_text": ("request", "response", "both"),
        "redact": ("request", "response", "both"),
        "block": ("request", "response", "both"),
        "guardrail": ("request", "response", "both"),
        "normalize": ("response",),
    }
    assert all(kind.name == name for name, kind in KINDS.items())
