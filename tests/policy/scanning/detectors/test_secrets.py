import pytest

from policy.scanning.running import redacting

secret = redacting("secret")
LINES = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" * 1] * 40)
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (f"-----BEGIN RSA PRIVATE KEY-----\n{LINES}\n-----END RSA PRIVATE KEY-----\nrest", "#\nrest"),
        (f"a -----BEGIN PRIVATE KEY-----{LINES}-----END PRIVATE KEY----- b", "a # b"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", "#"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "#"),  # cut off
        ("-----BEGIN EC PRIVATE KEY-----" + "A" * 40_000 + " rest", "#" + "A" * (40_000 - 32_768) + " rest"),
        (f"token {JWT} ok", "token # ok"),
        (f"{JWT}.", "#"),  # the full stop could be of it
        ("Authorization: Bearer abcDEF0123456789xyz\n", "Authorization: Bearer #\n"),
        ("bearer 0123456789abcdef0123456789", "bearer #"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic #"),
        ('{"authorization": "Token 0123456789abcdef"}', '{"authorization": "Token #"}'),
        ('password = "hunter2!"', 'password = "#"'),
        ("passwd: 'hunter2!'", "passwd: '#'"),
        ('{"db_password": "hun\\"ter2", "x": 1}', '{"db_password": "#", "x": 1}'),
        ('\\"password\\": \\"hunter2\\", \\"x\\"', '\\"password\\": \\"#\\", \\"x\\"'),
        ('client_secret="s3cr3t-s3cr3t" # x', 'client_secret="#" # x'),
        ("api-key := `abcd1234`", "api-key := `#`"),
        ('secret => "it\'s long"', 'secret => "#"'),
        ('token = f"abcdefgh"', 'token = f"#"'),
        ("DB_PASSWORD=hunter2!x\nNEXT=1", "DB_PASSWORD=#\nNEXT=1"),
        ("export API_KEY=abcd1234", "export API_KEY=#"),
        ("PASSWORD=pässwörter ok", "PASSWORD=# ok"),
        ("postgres://joe:s3cret@db.example.com/x", "postgres://joe:#@db.example.com/x"),
        ("redis://:s3cret@cache:6379", "redis://:#@cache:6379"),
        ('pass\u200bword = "hunter2!"', 'pass\u200bword = "#"'),
    ],
)
def test_a_secret_is_found_and_what_is_around_it_stays(text: str, made: str) -> None:
    assert secret(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "The bearer responsibilities are many",
        "Bearer authentication-mechanisms",
        "password = get_password()",
        'password = "${PASSWORD}"',
        'password = "<your password>"',
        'password = ""',
        "password: string",
        "login(password=password, token=token)",
        "Your password is case-sensitive.",
        "max_tokens: 1000, tokens = 'abcdef'",
        "PASSWORD=$SECRET",
        "TOKEN=",
        "https://example.com:8080/path@2x",
        "https://example.com/a:b@c",
        "https://user@example.com/",
        "eyJ is how JSON begins",
        "a.b.c",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert secret(text) == text
