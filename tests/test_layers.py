"""A file imports from its own package and from lower layers alone, and never in a circle."""

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mmresnet"
LAYERS = (  # the lowest first, as in docs/architecture.md
    ("errors", "atomic", "memory", "processor", "threads"),
    ("weights.names",),
    ("weights.formats",),
    ("compat",),
    ("ops",),
    ("registry",),
    ("models",),
    ("datasets",),
    ("evaluation",),
    ("weights.hub",),
    ("weights",),
    ("config",),
    ("engine",),
    ("detection",),
    ("visualization",),
    ("export",),
    ("inference",),
    ("report",),
    ("apis",),
    ("paper",),
    ("cli", "__main__"),
)


def layer_of(module: str) -> int:
    """Return the layer of ``mmresnet.…``, by the longest name that it begins with."""
    inner = f"{module.removeprefix('mmresnet').removeprefix('.')}."
    found = [
        (len(name), number)
        for number, names in enumerate(LAYERS)
        for name in names
        if inner.startswith(f"{name}.")
    ]
    assert found, f"{module} is in no layer"
    return max(found)[1]


def imports(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, also inside of functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inside & MODULES.keys()) or {node.module}
    return {name for name in found if name.startswith("mmresnet.")}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}
MODULES.pop("mmresnet")


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return what each module imports."""
    return {module: imports(path) for module, path in MODULES.items()}


def test_imports_only_go_down() -> None:
    upwards = [
        f"{module} imports {name}"
        for module, names in graph().items()
        for name in names
        if layer_of(name) > layer_of(module)
    ]
    assert upwards == []


def test_there_is_no_circle() -> None:
    left = {module: names & MODULES.keys() for module, names in graph().items()}
    while free := {
        module
        for module, names in left.items()
        if not names & left.keys() or not any(module in others for others in left.values())
    }:
        left = {module: names - free for module, names in left.items() if module not in free}
    assert sorted(left) == [], "these import each other"


def test_every_layer_is_there() -> None:
    assert {layer_of(module) for module in MODULES} == set(range(len(LAYERS)))
