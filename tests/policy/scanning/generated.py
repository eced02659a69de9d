"""Patterns and texts that are likely to have to do with each other."""

from hypothesis import strategies as st

_ATOMS = st.sampled_from(["a", "b", "1", "-", "é", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\x61", r"\.", "日"])
_MARKS = st.sampled_from([r"\b", r"\B", "^", "$", "(?m:^)", "(?m:$)"])
_COUNTS = st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "{2,}", "??", "*?", "+?"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("({}{}){}".format, st.sampled_from(["", "?:", "?i:", "?P<n>"]), inner, _COUNTS)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(several.map("".join), several.map("|".join), group)


PATTERNS = st.recursive(
    st.one_of(st.builds("{}{}".format, _ATOMS, _COUNTS), _ATOMS, _ATOMS, _MARKS), _grown, max_leaves=8
)
TEXTS = st.text(alphabet="aab1-é. \n日AB\ud83d", max_size=30)
"""With half of a surrogate pair, which JSON may bring."""
