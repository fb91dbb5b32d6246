"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (Declaration("text.pieces", config="text.pieces:PiecesConfig", mb=2),)
