"""A rule that cannot be compiled, and where in what people wrote the fault is."""


class RuleRefused(Exception):
    """`place` is a member of what was written ("rules[2].pattern"); `message` says what is wrong there and what would
    be right, and never repeats a value: it may be a secret."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message
