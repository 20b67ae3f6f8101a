"""The names of the models in the box, and where each is."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
# What each is for, as `models` lists it. The word alone always means the model: a folder of that name is ./NAME.
SHIPPED: dict[str, str] = {}


def find_model(model: str | Path) -> Path:
    """Return the folder of the shipped model of that name; anything else is a path, and comes back as one.

    Raises
    ------
    FileNotFoundError
        If it is one word, and neither a shipped model nor a path that is there.
    """
    if isinstance(model, str) and model in SHIPPED:
        return FOLDER / model
    path = Path(model)
    if len(path.parts) == 1 and not path.suffix and not path.exists():
        raise FileNotFoundError(
            f"there is no model {str(model)!r}: it is no path that is there, and the models in the box are "
            f"{', '.join(SHIPPED) or 'none so far'}"
        )
    return path
