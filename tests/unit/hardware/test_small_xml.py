import pytest

from spyoncino.hardware.small_xml import MAX_BYTES, parse_xml


def test_names_come_without_namespaces_and_text_in_order() -> None:
    root = parse_xml(b"<a xmlns='urn:x' xmlns:y='urn:y'>1<y:b> two </y:b>3<b>four</b></a>")
    assert [each.name for each in root.walk()] == ["a", "b", "b"]
    assert root.text == "13"
    assert root.text_of("b") == "two"
    assert root.text_of("c") == ""


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<?xml version='1.0' encoding='nothing'?><a/>",
        b"<!DOCTYPE a><a/>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        b"<a>" * 40 + b"</a>" * 40,
        b"<a>" + b"<b/>" * 5_001 + b"</a>",
        b"<a>" + b" " * MAX_BYTES + b"</a>",
    ],
)
def test_what_is_not_small_and_plain_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"document|XML"):
        parse_xml(document)
