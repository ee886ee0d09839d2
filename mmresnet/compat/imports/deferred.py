"""Modules that are imported when something is asked of them that their stand-ins lack."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

Fill = Callable[[Any], None]  # of a stand-in


def defer(
    package: str, stand_ins: Mapping[str, Fill], before_import: Callable[[], None] = lambda: None
) -> None:
    """Let a module or package that has not been imported be imported when it is used.

    Args:
        package: Its name.
        stand_ins: Of the package and of modules in it: what puts into a stand-in, an empty module,
            the names that others ask for. If another module of the package is imported, all is.
        before_import: Called before the package itself is imported.
    """
    sys.meta_path.insert(0, _Finder(package, stand_ins, before_import))


def is_deferred(package: str) -> bool:
    """Return whether a package is not imported and would be if it were used."""
    return _finder_of(package) is not None


def import_now(package: str) -> Any:
    """Import a package, in place of its stand-ins where it has been deferred, and return it."""
    finder = _finder_of(package)
    if finder is not None:
        sys.meta_path.remove(finder)
        finder.before_import()
        for name in finder.stand_ins:
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]
    return importlib.import_module(package)


class ClassOf(type):
    """The kind of a class in a stand-in: it is made real by calls, subclasses and attributes.

    Args of a new one: its name, no bases, and a dict with the ``__module__`` that has it, which is
    the package that is imported.
    """

    def __new__(cls, name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        real = tuple(base.real() if isinstance(base, ClassOf) else base for base in bases)
        return types.new_class(name, real, exec_body=lambda own: own.update(namespace))

    def real(cls) -> Any:
        """Return the class that this one stands for, importing it."""
        return getattr(import_now(cls.__module__), cls.__name__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(cls.real(), name)

    def __instancecheck__(cls, instance: object) -> bool:
        return not is_deferred(cls.__module__) and isinstance(instance, cls.real())

    def __subclasscheck__(cls, other: type) -> bool:
        return other is cls or (not is_deferred(cls.__module__) and issubclass(other, cls.real()))


def _finder_of(package: str) -> _Finder | None:
    finders = (one for one in sys.meta_path if isinstance(one, _Finder))
    return next((finder for finder in finders if finder.package == package), None)


class _StandIn(ModuleType):
    """A module that has what it is given, and the rest of what it stands for."""

    _package: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(name)  # inspect and warnings ask every module
        import_now(self._package)
        return getattr(importlib.import_module(self.__name__), name)


class _Finder(MetaPathFinder):
    """Finds the stand-ins of a package, and imports it if any other module of it is looked for."""

    def __init__(
        self, package: str, stand_ins: Mapping[str, Fill], before_import: Callable[[], None]
    ) -> None:
        self.package, self.stand_ins, self.before_import = package, stand_ins, before_import

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a stand-in; None outside the package."""
        if not f"{name}.".startswith(f"{self.package}."):
            return None
        if name in self.stand_ins:
            spec = PathFinder.find_spec(name, path)
            if spec is not None:
                spec.loader = _StandInLoader(self.package, self.stand_ins[name])
            return spec
        import_now(self.package)
        # importlib would execute again what it finds imported in the meantime
        known = sys.modules.pop(name, None)
        return None if known is None else ModuleSpec(name, _LoadedAlready(known))


class _StandInLoader(Loader):
    def __init__(self, package: str, fill: Fill) -> None:
        self._package, self._fill = package, fill

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _StandIn(spec.name)
        module._package = self._package
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._fill(module)


class _LoadedAlready(Loader):
    """Hands out a module that has been imported with its package."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
