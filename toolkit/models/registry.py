"""The steps of this room."""

from ..core.registry import Declaration

OMNI = ("transformers.models.qwen2_5_omni.modeling_qwen2_5_omni", "peft")
STEPS = (
    Declaration("models.export", config="models.config:ExportConfig", mb=300),  # of whisper-base in float32
    # Of a model of unknown size as much as large-v2 takes, and as much again in the cache.
    Declaration(
        "models.fetch",
        config="models.config:FetchConfig",
        mb=12400,
        disk="models.planned:fetch_disk",
        foresees="models.planned:fetch_mistakes",
    ),
    # States of 1,280 numbers, 25 a second, in 2 bytes; a Whisper-tiny's tower has 384.
    Declaration(
        "models.hear",
        version=3,
        config="models.config:HearConfig",
        mb=5,
        mb_per_hour=230,
        jobs="array",
        torch=True,
        loads=OMNI,
    ),
    Declaration("models.small_omni", config="models.config:SmallOmniConfig", mb=40, torch=True, loads=OMNI),
    Declaration(
        "models.student",
        config="models.config:StudentConfig",
        mb=5000,
        disk="models.planned:student_disk",
        takes=("model",),
        torch=True,
    ),
)
