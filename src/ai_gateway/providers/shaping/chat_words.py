"""Where words are in a chat message, and in a delta of one: both are read alike, so that a stream under rules adds up
to the answer under rules.

A delta says what is added, and to what: each text of a choice (content, refusal, thoughts, the arguments of a call,
what was spoken) has a chain of its own that goes on from delta to delta. `rest` ends them and says as one more delta
what they held back; in a whole message it goes behind the last piece of its text.

Members that nobody knows are words too: a string goes through a chain of its own, what is nested is read as it comes.
Annotations are whole when they come. Sounds, pictures, signatures and encrypted thoughts are no words.
"""

from typing import Final, final

from ai_gateway.domain.rules import Json, TextPipe
from ai_gateway.providers.decoding import as_object
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.pieces import Body, is_list, is_object, is_text
from ai_gateway.providers.translation.chat_thoughts import ThoughtKeys

_NO_WORDS: Final = frozenset({"images", "image_url", "input_audio", "file"})
_WORDS: Final = frozenset({"content", "refusal", "reasoning", "reasoning_content"})
_ARGUMENTS: Final = "arguments"
_CONTENT: Final = ("content",)
_THINKING: Final = ("content", "thinking")


@final
class Channel:
    """One text. `member` of `holder` is its last piece; `frame` is what a delta of it has besides."""

    __slots__ = ("frame", "holder", "member", "pipe")

    def __init__(self, pipe: TextPipe) -> None:
        self.pipe = pipe
        self.holder: Json = None
        self.member: Json = None
        self.frame: Body = {}


class _Call:
    __slots__ = ("id", "number")

    def __init__(self, number: int, told_id: object) -> None:
        self.number = number
        self.id = told_id


@final
class ChoiceWords:
    """The texts of one choice. `has_calls`: it waits for a tool. `is_listed`: content came as a list, once at least."""

    __slots__ = (
        "_by_index",
        "_calls",
        "_chains",
        "_channels",
        "_last_call",
        "_listed",
        "_thoughts",
        "has_calls",
        "is_listed",
    )

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._channels: dict[tuple[object, ...], Channel] = {}
        self._thoughts = ThoughtKeys()
        self._by_index: dict[object, _Call] = {}
        self._calls = 0
        self._last_call: _Call | None = None
        self._listed = False
        self.is_listed = False
        self.has_calls = False

    def channel(self, *key: object) -> Channel:
        """The text of that name, begun if it is new."""
        found = self._channels.get(key)
        if found is None:
            pipe = self._chains.arguments() if key[0] == _ARGUMENTS else self._chains.text()
            found = self._channels[key] = Channel(pipe)
        return found

    def take(self, said: Body) -> None:
        """A delta; its texts become what may go out of them now."""
        self.has_calls |= bool(said.get("tool_calls") or said.get("function_call"))
        if self._chains.is_idle:
            return
        self._forget_places()
        self._take(said)
        for call in _calls(said):
            self._call(call, self._number_of(call))

    def take_whole(self, message: Body) -> None:
        """A whole message, in which every call is one of its own, whatever its id."""
        self._take(message)
        for number, call in enumerate(_calls(message)):
            self._call(call, number)
        for channel in self._channels.values():
            channel.holder[channel.member] += channel.pipe.end()
        self._channels.clear()

    def end(self) -> Body:
        """What was held back, as one more delta, to go before the last one that was taken; of a text that this one has
        a piece of, the rest is put there. Texts that begin later are new ones."""
        rest: Body = {}
        for key, channel in self._channels.items():
            text = channel.pipe.end()
            if text and channel.holder is not None:
                channel.holder[channel.member] += text
            elif text:
                self._tell(rest, key, channel, text)
        self._channels.clear()
        return rest

    def rest(self) -> Body:
        """The same where no delta is at hand."""
        self._forget_places()
        return self.end()

    def _forget_places(self) -> None:
        for channel in self._channels.values():
            channel.holder = None

    def _take(self, said: Body) -> None:
        for name, value in list(said.items()):
            if value is None or name in _NO_WORDS or name == "tool_calls":
                continue
            if isinstance(value, str):
                if value and is_text(name):
                    self._text(said, name)
            elif name == "content" and is_list(value):
                said[name] = self._parts(value)
            elif name == "reasoning_details" and is_list(value):
                self._details(value)
            elif name == "function_call" and is_object(value):
                self._arguments(value, (_ARGUMENTS, name), _ARGUMENTS, {})
            elif name == "audio" and is_object(value):
                self._audio(value)
            else:
                said[name] = self._chains.misplaced(value) if name in _WORDS else self._chains.any(value)
        if is_list(calls := said.get("tool_calls")):
            calls[:] = [it if is_object(it) else self._chains.any(it) for it in calls]
        elif calls is not None:
            said["tool_calls"] = self._chains.any(calls)

    def _text(self, said: Body, name: str) -> None:
        told: list[Json] = []
        if name == "content" and self.is_listed:
            self._listed = False
            self._run_on(_CONTENT, told)
        self._feed(said, name, (name,))
        if told:
            said[name] = [*told, _part(_CONTENT, said[name])]
            self.channel(name).holder, self.channel(name).member = said[name][-1], "text"

    def _feed(self, holder: Json, member: Json, key: tuple[object, ...], frame: Body | None = None) -> None:
        channel = self.channel(*key)
        channel.holder, channel.member = holder, member
        if frame:
            channel.frame = frame
        holder[member] = channel.pipe.feed(holder[member])

    def _parts(self, parts: list[Json]) -> list[Json]:
        """Content as a list (Mistral): each run of texts is one text, and so is each run of thoughts."""
        self.is_listed = self._listed = True
        told: list[Json] = []
        for part in parts:
            match part:
                case str() if part:
                    self._run_on(_CONTENT, told)
                    told.append(part)
                    self._feed(told, len(told) - 1, _CONTENT)
                case {"text": str(text)} if text:
                    self._run_on(_CONTENT, told)
                    told.append(part)
                    self._feed(part, "text", _CONTENT)
                case {"type": "thinking", "thinking": thoughts} if thoughts:
                    self._run_on(_THINKING, told)
                    told.append(part)
                    self._thought(part, thoughts)
                case {"type": str(kind)} if kind in _NO_WORDS:
                    told.append(part)
                case _:
                    told.append(self._chains.any(part))
        return told

    def _thought(self, part: Json, thoughts: Json) -> None:
        if isinstance(thoughts, str):
            self._feed(part, "thinking", _THINKING)
        elif is_list(thoughts):
            for place, thought in enumerate(thoughts):
                if isinstance(text := as_object(thought).get("text"), str) and text:
                    self._feed(thought, "text", _THINKING)
                else:
                    thoughts[place] = self._chains.any(thought)
        else:
            part["thinking"] = self._chains.any(thoughts)

    def _run_on(self, run: tuple[str, ...], told: list[Json]) -> None:
        """A run of parts goes on, or begins: then the one before is over, and what it held back goes before."""
        other = _THINKING if run == _CONTENT else _CONTENT
        channel = self._channels.pop(other, None)
        rest = "" if channel is None else channel.pipe.end()
        if channel is not None and rest and channel.holder is not None:
            channel.holder[channel.member] += rest
        elif rest:
            told.append(_part(other, rest))

    def _details(self, details: list[Json]) -> None:
        for place, detail in enumerate(details):
            if not is_object(detail):
                details[place] = self._chains.any(detail)
                continue
            number = self._thoughts.number_of(detail, detail.get("index"))
            frame = {name: detail[name] for name in ("type", "format", "index", "id") if name in detail}
            for name, value in list(detail.items()):
                if isinstance(value, str):
                    if value and is_text(name):
                        self._feed(detail, name, ("reasoning_details", number, name), frame)
                else:
                    detail[name] = self._chains.any(value) if name != "index" else value

    def _call(self, call: Body, number: int) -> None:
        for name, value in list(call.items()):
            if name == "function" and is_object(value):
                self._arguments(value, (_ARGUMENTS, number), _ARGUMENTS, call)
            elif name == "custom" and is_object(value):
                self._arguments(value, ("custom", number), "input", call)
            elif name not in ("index", "extra_content") and (not isinstance(value, str) or is_text(name)):
                call[name] = self._chains.any(value)

    def _arguments(self, said: Body, key: tuple[object, ...], member: str, call: Body) -> None:
        for name, value in list(said.items()):
            if name == member and isinstance(value, str):
                if value:
                    index = {"index": call["index"]} if "index" in call else {}
                    self._feed(said, name, key, index)
            elif name == member:
                said[name] = self._chains.value(value)
            elif not isinstance(value, str) or is_text(name):
                said[name] = self._chains.any(value)

    def _number_of(self, call: Body) -> int:
        """By the index; where there is none, or providers number all calls 0, a new id is a new call."""
        index, told_id = call.get("index"), call.get("id")
        is_numbered = isinstance(index, int | str)
        known = self._by_index.get(index) if is_numbered else self._last_call
        if known is None or (told_id and known.id and told_id != known.id):
            known = _Call(self._calls, told_id)
            self._calls += 1
            self._by_index[index if is_numbered else ("call", known.number)] = known
        self._last_call = known
        return known.number

    def _audio(self, audio: Body) -> None:
        for name, value in list(audio.items()):
            if isinstance(value, str):
                if value and is_text(name):
                    self._feed(audio, name, ("audio", name))
            elif name != "expires_at":
                audio[name] = self._chains.any(value)

    def _tell(self, delta: Body, key: tuple[object, ...], channel: Channel, text: str) -> None:
        """That text, where a delta has it."""
        match key:
            case ("arguments", "function_call"):
                delta["function_call"] = {"arguments": text}
            case ("arguments", _):
                _listed(delta, "tool_calls").append({**channel.frame, "function": {"arguments": text}})
            case ("custom", _):
                _listed(delta, "tool_calls").append({**channel.frame, "custom": {"input": text}})
            case ("reasoning_details", _, str(member)):
                _listed(delta, "reasoning_details").append({**channel.frame, member: text})
            case ("audio", str(member)):
                delta.setdefault("audio", {})[member] = text
            case ("content", "thinking"):
                delta["content"] = [_part(_THINKING, text), *_as_parts(delta.get("content"))]
            case ("content",) if self._listed or "content" in delta:
                delta["content"] = [*_as_parts(delta.get("content")), _part(_CONTENT, text)]
            case _:
                delta[str(key[0])] = text


def _calls(said: Body) -> list[Body]:
    calls = said.get("tool_calls")
    return [call for call in calls if is_object(call)] if is_list(calls) else []


def _listed(delta: Body, name: str) -> list[Json]:
    return delta.setdefault(name, [])


def _as_parts(content: Json) -> list[Json]:
    if is_list(content):
        return content
    return [_part(_CONTENT, content)] if content else []


def _part(run: tuple[str, ...], text: str) -> Body:
    said: Body = {"type": "text", "text": text}
    return {"type": "thinking", "thinking": [said]} if run == _THINKING else said
