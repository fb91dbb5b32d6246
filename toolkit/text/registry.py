"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (Declaration("text.pieces", version=2, config="text.pieces:PiecesConfig", mb=2),)
