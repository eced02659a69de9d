from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning import ScanSpec, chain, compile_replace, compile_scan
from policy.scanning.running import flow, pieces_of

MAKES = (
    compile_replace("ab", "a@b.co", ignore_case=False).pipe,
    compile_scan(ScanSpec(detect=("email",))).redactor(1, "b"),
    compile_replace("bb", "c", ignore_case=True).pipe,
)


@given(st.text(alphabet="abB ", max_size=20), st.data())
def test_each_pipe_sees_what_the_one_before_it_lets_go(text: str, data: st.DataObject) -> None:
    expected = text
    for make in MAKES:
        expected = flow(make(Tally()), [expected])
    assert flow(chain(make(Tally()) for make in MAKES), data.draw(pieces_of(text))) == expected


def test_no_pipes_change_nothing() -> None:
    assert flow(chain([]), ["a", "", "b"]) == "ab"


def test_one_pipe_is_its_own_chain() -> None:
    pipe = MAKES[0](Tally())
    assert chain([pipe]) is pipe


def test_what_one_holds_back_at_the_end_still_goes_through_the_others() -> None:
    assert flow(chain(make(Tally()) for make in MAKES), ["a", "b"]) == "b"
