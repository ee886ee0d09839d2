"""The walk over a config's parts."""

from mmengine.config import Config

from mmresnet.config.walk import dotted, parts, put, type_name, walk

SETTINGS = {"a": [{"b": 1}, ({"c": 2}, 3)], "d.e": {"type": "scope.Net"}}


def test_every_value_comes_with_its_keys():
    assert [keys for keys, _ in walk(SETTINGS)] == [
        ("a",),
        ("a", 0),
        ("a", 0, "b"),
        ("a", 1),
        ("a", 1, 0),
        ("a", 1, 0, "c"),
        ("a", 1, 1),
        ("d.e",),
        ("d.e", "type"),
    ]
    assert list(walk(Config(SETTINGS))) == list(walk(SETTINGS))
    assert list(walk(None)) == list(walk("text")) == []


def test_parts_are_the_dicts():
    assert [path for path, _ in parts(SETTINGS["a"], "x", "a")] == ["x.a.0", "x.a.1.0"]
    assert [path for path, _ in parts({"y": {}}, "x")] == ["x", "x.y"]


def test_whatever_is_found_can_be_put():
    cfg = Config(SETTINGS)
    for keys, value in walk(cfg):
        put(cfg, keys, value)
    assert cfg.to_dict() == Config(SETTINGS).to_dict()
    put(cfg, ("a", 1, 0, "c"), 5)
    put(cfg, ("d.e", "type"), "Other")
    assert cfg["a"][1] == ({"c": 5}, 3)
    assert cfg["d.e"]["type"] == "Other"
    assert dotted(("a", 1, 0, "c")) == "a.1.0.c"


def test_names_of_types():
    assert type_name({"type": "mmdet.RPNHead"}) == type_name({"type": "RPNHead"}) == "RPNHead"
    assert type_name({"type": Config}) == type_name(Config()) == "Config"
    assert type_name({"depth": 50}) == ""
