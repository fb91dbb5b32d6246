"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    Declaration("pseudo.as_text", config="pseudo.as_text:AsTextConfig", mb_per_hour=0.1),
    Declaration("pseudo.pack", config="pseudo.pack:PackConfig", mb_per_hour=0.5),
    Declaration("pseudo.select", version=2, config="pseudo.select:SelectConfig", mb=5, mb_per_hour=0.15),
    Declaration(
        "pseudo.transcribe",
        version=2,
        config="pseudo.config:TranscribeConfig",
        reads=("decode",),  # batch size and threads change no text
        mb=5,
        mb_per_hour=2,
        jobs="array",
        torch=True,
    ),
)
