from ai_gateway.providers.shaping.alike import Alike
from tests.providers.shaping.pipes import Late, Literal, Same

EVENT = b'data: {"model":"gpt","content":"%b"}\n\n'
LEARNED = EVENT % b"one"
SPAN = (LEARNED.index(b"one"), LEARNED.index(b"one") + 3)
AROUND = (b'data: {"model":"ours","content":"', b'"}\n\n')


def learned(pipe: Same | Literal | Late | None) -> Alike:
    alike = Alike()
    alike.learn(LEARNED, SPAN, AROUND, pipe)
    return alike


def test_an_event_with_another_text_gets_what_stands_around_the_shaped_one() -> None:
    alike = learned(None)
    assert alike.covers(EVENT % b"two")
    assert alike.shape(EVENT % "zwö".encode()) == b'data: {"model":"ours","content":"zw\xc3\xb6"}\n\n'


def test_its_text_goes_through_the_pipe_of_its_text() -> None:
    alike = learned(Literal("two", 'a "2"'))
    assert alike.shape(EVENT % b"it is tw") == b'data: {"model":"ours","content":"it is "}\n\n'
    assert alike.shape(EVENT % b"o") == b'data: {"model":"ours","content":"a \\"2\\""}\n\n'


def test_what_is_held_back_and_what_is_no_text_leaves_nothing() -> None:
    assert learned(Late()).shape(EVENT % b"x") == b""
    assert learned(Same()).shape(EVENT % b"\xff") == b""


def test_other_events_are_not_covered() -> None:
    alike = learned(None)
    assert not Alike().covers(LEARNED)
    assert not alike.covers(LEARNED.replace(b"gpt", b"gpu"))
    assert not alike.covers(EVENT % b'a","x":"b')
    assert not alike.covers(LEARNED * 2)


def test_nothing_is_covered_once_the_text_is_over() -> None:
    alike = learned(None)
    alike.forget()
    assert not alike.covers(LEARNED)


def test_an_event_whose_text_stands_elsewhere_is_not_learned() -> None:
    alike = Alike()
    alike.learn(LEARNED, (SPAN[0] + 1, SPAN[1]), AROUND, None)
    assert not alike.covers(LEARNED)


def test_events_that_are_never_alike_are_given_up() -> None:
    alike = Alike()
    for _ in range(8):
        assert alike.wants_more
        alike.learn(LEARNED, SPAN, AROUND, None)
    assert not alike.wants_more
