from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ByteSize, Field, SecretStr, TypeAdapter

from spyoncino.core.config_schema import SchemaReader


class Dot(BaseModel):
    kind: Literal["dot"]


class Line(BaseModel):
    kind: Literal["line"]
    length: float


Shape = Annotated[Dot | Line, Field(discriminator="kind")]


class Drawing(BaseModel):
    shapes: list[Shape] = []
    named: dict[str, Line] = {}
    main: Shape | None = None
    frame: Line | None = None


READER = SchemaReader(Drawing.model_json_schema())


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (Annotated[int, Field(ge=1)], "a whole number of at least 1"),
        (Annotated[float, Field(gt=0, le=5)], "a number greater than 0 and of at most 5"),
        (Annotated[float, Field(ge=0, le=1)], "a number from 0 to 1"),
        (Annotated[float, Field(lt=3)], "a number less than 3"),
        (str, "a text"),
        (Annotated[str, Field(min_length=8)], "a text of at least 8 characters"),
        (Annotated[str, Field(pattern="^a+$")], "a text of the form ^a+$"),
        (SecretStr, "a text"),
        (Path, "a path"),
        (int | None, "a whole number"),
        (Literal["auto"] | int, "auto or a whole number"),
        (Literal["a", "b"], "one of a, b"),
        (Literal["a"], "a"),
        (list[int], "a list, each a whole number"),
        (list, "a list"),
        (tuple[int, int], "a list of 2 values"),
        (Annotated[list[str], Field(min_length=2)], "a list of at least 2, each a text"),
        (dict[str, int], "a group of settings"),
        (ByteSize, "a size in bytes, such as 10GB or 500MB"),
        (object, ""),
    ],
)
def test_expectations_are_written_for_people(annotation: Any, words: str) -> None:
    schema = TypeAdapter(annotation).json_schema()
    assert SchemaReader(schema).expectation(schema) == words


def test_the_data_decides_between_alternatives() -> None:
    data = {"shapes": [{"kind": "dot"}, {"kind": "line"}], "main": {"kind": "line"}}
    assert READER.keys(("shapes", 0), data) == ["kind"]
    assert READER.keys(("shapes", 1), data) == ["kind", "length"]
    assert READER.keys(("main",), data) == ["kind", "length"]
    assert READER.keys(("shapes", 5), data) == []
    assert READER.keys(("named", "x"), {"named": {"x": {}}}) == ["kind", "length"]
    assert READER.keys(("frame",), {"frame": {}}) == ["kind", "length"]
    assert READER.keys(("nope", "x"), data) == []
    assert READER.at(("shapes", 1, "length"), data)["type"] == "number"


def test_alternatives_name_what_tells_them_apart() -> None:
    schema = READER.at(("shapes", 0), {"shapes": [{}]})
    assert READER.expectation(schema) == 'a group of settings with "kind" one of dot, line'
    assert READER.choices(schema) == ["dot", "line"]
    assert READER.choices(READER.at(("main",), {})) == ["dot", "line"]


def test_secrets_are_known_by_their_schema() -> None:
    cases: list[tuple[Any, bool]] = [(SecretStr, True), (SecretStr | None, True), (str, False)]
    for annotation, is_secret in cases:
        schema = TypeAdapter(annotation).json_schema()
        assert SchemaReader(schema).is_secret(schema) is is_secret
