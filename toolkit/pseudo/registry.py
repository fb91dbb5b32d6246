"""The steps of this room."""

from ..core.registry import Declaration

OMNI = ("transformers.models.qwen2_5_omni.modeling_qwen2_5_omni", "peft")  # take four seconds to import

STEPS = (
    # Batch size and threads change no answer but for rounding.
    Declaration(
        "pseudo.answer",
        config="pseudo.answer:AnswerConfig",
        mb=2,
        mb_per_hour=1,
        jobs="array",
        torch=True,
        loads=OMNI,
    ),
    Declaration("pseudo.as_text", config="pseudo.as_text:AsTextConfig", mb=0.1, mb_per_hour=0.1),
    Declaration(
        "pseudo.pack",
        version=3,
        config="pseudo.pack:PackConfig",
        mb=0.1,
        mb_per_hour=0.5,
        foresees="pseudo.foreseen:pack_mistakes",
        jobs="cpu array",
    ),
    Declaration("pseudo.select", version=2, config="pseudo.select:SelectConfig", mb=0.1, mb_per_hour=0.15),
    Declaration(
        "pseudo.transcribe",
        version=3,
        config="pseudo.config:TranscribeConfig",
        reads=("decode",),  # batch size and threads change no text
        mb=0.1,
        mb_per_hour=2,
        takes=("data", "model"),
        jobs="array",
        torch=True,
    ),
)
