"""Reading arrays of a JSON file in blocks, against Python's parser."""

import io
import json

import pytest

from mmresnet.datasets import json_arrays

PLAIN = [{"id": i, "text": f"n{i}", "values": [i, i / 3, -1e-7]} for i in range(50)]
NESTED = [{"parts": [{"x": i}, {"y": [{}, {"z": "},{"}]}], "s": 'a "},{" b\\'} for i in range(30)]


def collected(text):
    found = {}
    for key, block in json_arrays.arrays(io.StringIO(text)):
        found[key] = block if block is None else [*found.get(key, []), *block]
    return found


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1 << 22])
@pytest.mark.parametrize(
    "layout", [{}, {"indent": 1}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}]
)
def test_all_elements_are_found_whatever_the_layout(size, layout, monkeypatch):
    monkeypatch.setattr(json_arrays, "_BLOCK", size)
    monkeypatch.setattr(json_arrays, "_ELEMENTS", 3)
    content = {
        "info": {"images": [{"id": 1}, {"id": 2}]},
        "images": PLAIN,
        "annotations": NESTED,
        "empty": [],
        "numbers": [1, 23, 456, 7890, 12.5e3, None, "x", [], [1]],
        "version": 123456,
        "last": [{}, {}],
    }
    found = collected(json.dumps(content, **layout) + "\n ")
    values = {"info": None, "version": None}
    assert found == {**content, **values}
    assert [type(v) for v in found["numbers"]] == [type(v) for v in content["numbers"]]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "1", '{"a": [1, 2', '{"a": [1 2]}', '{"a": [1,]}', '{"a": [{},]}', '{"a" 1}'),
        *('{"a": [{}]} x', '{"a": [{}] "b": 1}', "{1: []}", '{"a": [{}}', '{"a": 1'),
    ],
)
def test_what_is_not_json_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        collected(text)
