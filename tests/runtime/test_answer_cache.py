from ai_gateway.domain.config import ProviderType
from ai_gateway.runtime.answer_cache import AnswerCache, CachedAnswer


def an_answer(tenant_id: str = "t1", until: float = 100.0, size: int = 10) -> CachedAnswer:
    return CachedAnswer(tenant_id, until, (), b"x" * size, "up-1", ProviderType.OPENAI, "m")


def test_an_answer_is_found_until_its_time_is_over() -> None:
    cache = AnswerCache()
    cache.keep(b"name", an_answer())
    assert cache.find(b"name", "t1", 99.9) == an_answer()
    assert cache.find(b"other", "t1", 99.9) is None
    assert cache.find(b"name", "t1", 100.0) is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_no_other_tenant_finds_it_whatever_the_name() -> None:
    cache = AnswerCache()
    cache.keep(b"name", an_answer())
    assert cache.find(b"name", "t2", 0.0) is None


def test_the_least_lately_used_makes_room() -> None:
    cache = AnswerCache(most_bytes=30)
    for name in (b"1", b"2", b"3"):
        cache.keep(name, an_answer())
    cache.find(b"1", "t1", 0.0)
    cache.keep(b"4", an_answer())
    assert [name for name in (b"1", b"2", b"3", b"4") if cache.find(name, "t1", 0.0)] == [b"1", b"3", b"4"]
    cache.keep(b"5", an_answer(size=31))
    assert (len(cache), cache.bytes) == (0, 0), "what never fits takes nothing's place for long"


def test_an_answer_that_is_kept_again_is_counted_once() -> None:
    cache = AnswerCache()
    cache.keep(b"name", an_answer(size=10))
    cache.keep(b"name", an_answer(size=20))
    assert (len(cache), cache.bytes) == (1, 20)
