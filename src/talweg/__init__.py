"""talweg: neural networks by backpropagation and gradient descent, on the machine you have.

`__init__.pyi` lists the public names, such as `talweg.fit`. The module of a name is imported when
the name is first used, so `import talweg` costs next to nothing.
"""

from importlib import import_module
from typing import Any

from talweg.version import VERSION

__version__ = VERSION


def _public_names() -> dict[str, str]:
    """Each name in `__init__.pyi`, to the module that it is imported from."""
    stub = __spec__.loader.get_data(f"{__file__}i").decode()
    lines = [line for line in stub.splitlines() if not line.startswith("#")]
    words = " ".join(lines).translate(dict.fromkeys(map(ord, "(),"), " ")).split()
    modules, module = {}, ""
    for i, word in enumerate(words):
        if word == "from":
            module = words[i + 1]
        elif word == "as":
            modules[words[i + 1]] = module
    return modules


_MODULE_OF = _public_names()
_FOLDERS = sorted(name for name, module in _MODULE_OF.items() if module == "talweg")

__all__ = sorted(_MODULE_OF.keys() - set(_FOLDERS))


def __dir__() -> list[str]:
    return sorted([*__all__, *_FOLDERS])


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return import_module(f"talweg.{name}")
    if name not in _MODULE_OF:
        from talweg.errors import nearest

        # Tools ask for hundreds of names such as __wrapped__ and need no suggestion.
        hint = "" if name.startswith("_") else f". {nearest(name, __all__)}"
        raise AttributeError(f"module 'talweg' has no attribute {name!r}{hint}")
    from talweg.forks import importing

    with importing:
        value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value
