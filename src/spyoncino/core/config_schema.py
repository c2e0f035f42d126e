"""Reading a JSON Schema for people: which keys there are, and what a value must be.

The schema is the one that Pydantic makes of the composed configuration, so that error sentences
can never differ from what is really accepted.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ByteSize, TypeAdapter

from spyoncino.core.config_layers import Location, has_part

Schema = Mapping[str, Any]

_SIMPLE = {"boolean": "true or false", "object": "a group of settings", "null": "empty"}
_SIZE_PATTERN = TypeAdapter(ByteSize).json_schema()["anyOf"][0]["pattern"]
_NUMBERS = {"integer": "a whole number", "number": "a number"}
_FORMATS = {
    "path": "a path",
    "file-path": "the path of a file",
    "directory-path": "the path of a folder",
    "password": "a text",
    "date-time": "a date and time",
    "time": "a time of day such as '06:30'",
    "uri": "an address (URL)",
}


class SchemaReader:
    """Answers questions about one document's schema.

    Args:
        schema: JSON Schema of the whole document, with ``$defs``.
    """

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def at(self, location: Location, data: Any) -> Schema:
        """The schema of the value at a location; empty where nothing is known.

        Args:
            location: Keys and places from the root.
            data: The document, which decides between alternatives.
        """
        schema = self._resolved(self._root)
        for part in location:
            schema = self._step(self._chosen(schema, data), part)
            data = _inside(data, part)
        return schema

    def inside(self, schema: Schema, key: str) -> Schema:
        """The schema of a key of the group that a schema describes."""
        return self._step(self._chosen(schema, {}), key)

    def item(self, schema: Schema) -> Schema:
        """The schema of one item of the list that a schema describes."""
        return self._step(self._chosen(schema, []), 0)

    def keys(self, location: Location, data: Any) -> list[str]:
        """Names of the settings in the group at a location."""
        schema = self.at(location, data)
        for part in location:
            data = _inside(data, part)
        return list(self._chosen(schema, data).get("properties", {}))

    def homes_of(self, key: str) -> list[str]:
        """Top-level groups that have a setting of this name."""
        groups = self._resolved(self._root).get("properties", {})
        return [
            name
            for name, group in groups.items()
            if key in self._chosen(self._resolved(group), {}).get("properties", {})
        ]

    def expectation(self, schema: Schema) -> str:
        """What a value of this schema must be, as the end of a sentence."""
        schema = self._resolved(schema)
        if "oneOf" in schema or "anyOf" in schema:
            return self._alternatives(schema)
        if "const" in schema or "enum" in schema:
            values = [str(value) for value in schema.get("enum", [schema.get("const")])]
            return f"one of {', '.join(values)}" if len(values) > 1 else values[0]
        kind = schema.get("type", "")
        if kind in _NUMBERS:
            return _number(schema, _NUMBERS[kind])
        if kind == "array":
            return self._array(schema)
        return _text(schema) if kind == "string" else _SIMPLE.get(kind, "")

    def choices(self, schema: Schema) -> list[str]:
        """Every fixed text that the schema accepts, for «did you mean»."""
        schema = self._resolved(schema)
        found = [str(value) for value in schema.get("enum", ())]
        if "const" in schema:
            found.append(str(schema["const"]))
        found += schema.get("discriminator", {}).get("mapping", ())
        for branch in schema.get("anyOf", ()):
            found += self.choices(branch)
        return found

    def is_secret(self, schema: Schema) -> bool:
        """Whether values of this schema are never to be shown."""
        schema = self._resolved(schema)
        branches = [self._resolved(branch) for branch in schema.get("anyOf", ())]
        return any(part.get("format") == "password" for part in (schema, *branches))

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._root.get("$defs", {}).get(name, {})
        return schema

    def _chosen(self, schema: Schema, data: Any) -> Schema:
        """The alternative that the data means."""
        schema = self._resolved(schema)
        discriminator = schema.get("discriminator")
        if discriminator:
            tag = data.get(discriminator["propertyName"]) if isinstance(data, Mapping) else None
            target = discriminator["mapping"].get(tag) if isinstance(tag, str) else None
            return self._resolved({"$ref": target}) if target else {}
        wanted = "array" if isinstance(data, list) else "object"
        for branch in schema.get("anyOf", ()):
            resolved = self._resolved(branch)
            if resolved.get("type") == wanted or "discriminator" in resolved:
                return self._chosen(resolved, data)
        return schema

    def _step(self, schema: Schema, part: str | int) -> Schema:
        if isinstance(part, str):
            properties = schema.get("properties", {})
            if part in properties:
                return self._resolved(properties[part])
            patterns = list(schema.get("patternProperties", {}).values())
            extra = schema.get("additionalProperties", patterns[0] if patterns else {})
            return self._resolved(extra) if isinstance(extra, Mapping) else {}
        prefix = schema.get("prefixItems", ())
        return self._resolved(prefix[part] if part < len(prefix) else schema.get("items", {}))

    def _alternatives(self, schema: Schema) -> str:
        mapping = schema.get("discriminator", {}).get("mapping")
        if mapping:
            name = schema["discriminator"]["propertyName"]
            return f'a group of settings with "{name}" one of {", ".join(mapping)}'
        branches = schema.get("anyOf", schema.get("oneOf", ()))
        if any(branch.get("pattern") == _SIZE_PATTERN for branch in branches):
            return "a size in bytes, such as 10GB or 500MB"
        parts = [self.expectation(branch) for branch in branches]
        return " or ".join(part for part in parts if part and part != _SIMPLE["null"])

    def _array(self, schema: Schema) -> str:
        prefix = schema.get("prefixItems")
        if prefix:
            return f"a list of {len(prefix)} values"
        least = schema.get("minItems")
        of_what = self.expectation(schema.get("items", {}))
        words = f"a list of at least {least}" if least else "a list"
        return f"{words}, each {of_what}" if of_what else words


def _inside(data: Any, part: str | int) -> Any:
    return data[part] if has_part(data, part) else None


def _number(schema: Schema, words: str) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f"{words} from {least:g} to {most:g}"
    limits = [
        f"{relation} {limit:g}"
        for relation, limit in (
            ("of at least", least),
            ("greater than", above),
            ("of at most", most),
            ("less than", below),
        )
        if limit is not None
    ]
    return f"{words} {' and '.join(limits)}" if limits else words


def _text(schema: Schema) -> str:
    if "pattern" in schema:
        return f"a text of the form {schema['pattern']}"
    words = _FORMATS.get(schema.get("format", ""), "a text")
    least = schema.get("minLength")
    return f"{words} of at least {least} characters" if least and least > 1 else words
