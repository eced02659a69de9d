import pytest

from ai_gateway.domain.conversation import Audio, Document, Image, Source
from ai_gateway.providers.translation.bedrock_media import (
    CannotSay,
    audio_block,
    document_block,
    image_block,
    image_of,
)
from ai_gateway.providers.translation.bedrock_names import DocumentNames


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (Source(data="AAAA", media_type="image/png"), {"format": "png", "source": {"bytes": "AAAA"}}),
        (Source(data="/9j/4A", media_type=None), {"format": "jpeg", "source": {"bytes": "/9j/4A"}}),
        (Source(url="s3://b/k.JPG"), {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.JPG"}}}),
    ],
)
def test_an_image_has_a_format_and_its_bytes_or_a_place_in_s3(source: Source, written: object) -> None:
    assert image_block(Image(source)) == {"image": written}


@pytest.mark.parametrize(
    "source",
    [
        Source(url="https://x.test/a.png"),
        Source(file_id="f1", media_type="image/png"),
        Source(data="AAAA", media_type="image/tiff"),
        Source(data="AAAA"),
    ],
)
def test_what_has_no_place_is_not_sent(source: Source) -> None:
    with pytest.raises(CannotSay):
        image_block(Image(source))


def test_a_document_has_a_name_and_says_whether_it_is_cited() -> None:
    names = DocumentNames()
    pdf = Document(Source(data="JVBE", media_type="application/pdf"), title="a.pdf", context="Q3", cites=True)
    assert document_block(pdf, names) == {
        "document": {
            "format": "pdf",
            "name": "a-pdf",
            "source": {"bytes": "JVBE"},
            "context": "Q3",
            "citations": {"enabled": True},
        }
    }
    assert document_block(Document(text="hello"), names) == {
        "document": {"format": "txt", "name": "document", "source": {"bytes": "aGVsbG8="}}
    }
    assert document_block(Document(Source(data="eA=="), title="x.docx"), names)["document"]["format"] == "docx"  # type: ignore[index]
    with pytest.raises(CannotSay):
        document_block(Document(Source(data="eA==", media_type="image/heic")), names)


def test_pieces_of_a_text_stay_pieces_and_a_search_result_is_one() -> None:
    names = DocumentNames()
    assert document_block(Document(text="a\nb", title="t", blocks=("a", "b")), names) == {
        "document": {"format": "txt", "name": "t", "source": {"content": [{"text": "a"}, {"text": "b"}]}}
    }
    assert document_block(Document(text="a", title="t", origin="https://x.test", cites=True), names) == {
        "searchResult": {
            "source": "https://x.test",
            "title": "t",
            "content": [{"text": "a"}],
            "citations": {"enabled": True},
        }
    }


def test_a_sound_has_a_format() -> None:
    assert audio_block(Audio(Source(data="eA==", media_type="audio/mpeg"))) == {
        "audio": {"format": "mp3", "source": {"bytes": "eA=="}}
    }
    with pytest.raises(CannotSay):
        audio_block(Audio(Source(data="eA==", media_type="audio/midi")))


def test_an_image_of_an_answer_has_its_media_type() -> None:
    assert image_of({"format": "webp"}, "eA==") == Image(Source(data="eA==", media_type="image/webp"))
    assert image_of({"format": 7}, "eA==") == Image(Source(data="eA=="))
