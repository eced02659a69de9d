"""A response that is kept for its tenant, so that it can be read again and a conversation can go on from it."""

import msgspec


class StoredResponse(msgspec.Struct, frozen=True):
    """`body` is the response as its caller was told it, JSON; `input` is all that the model was told before, a JSON
    list of items, earlier turns too: whatever happens to those, this one is whole."""

    id: str
    body: bytes
    input: bytes

    @property
    def size(self) -> int:
        return len(self.body) + len(self.input)
