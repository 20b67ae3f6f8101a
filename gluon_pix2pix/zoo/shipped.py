"""The names of the models in the box, and where each is."""

from __future__ import annotations

from pathlib import Path

from gluon_pix2pix.zoo.card import CARD

FOLDER = Path(__file__).parent


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models in the box: of the folders here that have a card.

    Such a word alone always means the model: a folder of that name is ./NAME.
    """
    return tuple(sorted(path.parent.name for path in FOLDER.glob(f"*/{CARD}")))


def find_model(model: str | Path) -> Path:
    """Return the folder of the shipped model of that name; anything else is a path, and comes back as one.

    Raises
    ------
    FileNotFoundError
        If it is one word, and neither a shipped model nor a path that is there.
    """
    path = Path(model)
    if len(path.parts) != 1:
        return path
    shipped = shipped_models()
    if isinstance(model, str) and model in shipped:
        return FOLDER / model
    if not path.suffix and not path.exists():
        raise FileNotFoundError(
            f"there is no model {str(model)!r}: it is no path that is there, and the models in the box are "
            f"{', '.join(shipped) or 'none so far'}"
        )
    return path
