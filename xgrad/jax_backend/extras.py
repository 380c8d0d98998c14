"""Libraries that are not required: imported where they are used, with an error that says what to install."""

from importlib import import_module
from types import ModuleType

EXTRAS = {
    "blackjax": "sample",
    "rich": "sample",
    "numpyro": "numpyro",
    "optax": "fit",
    "optimistix": "fit",
    "lineax": "fit",
    "flatbuffers": "export",
}


def require(name: str, purpose: str) -> ModuleType:
    """The module ``name``. Raises ImportError with the extra to install where it is missing.

    >>> require("json.no_such_part", "this example")
    Traceback (most recent call last):
        ...
    ImportError: this example needs json.no_such_part; install it with: pip install json
    """
    library = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(library)
        what = f"'xgrad[{extra}]'" if extra else library
        raise ImportError(f"{purpose} needs {name}; install it with: pip install {what}") from error
