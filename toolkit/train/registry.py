"""The steps of this room."""

from ..core.registry import Declaration

OMNI = ("transformers.models.qwen2_5_omni.modeling_qwen2_5_omni", "peft")  # take four seconds to import

STEPS = (
    Declaration(
        "train.instruct",
        version=2,
        config="train.instruct_config:InstructTraining",
        mb=60,
        disk="train.disk:instruct_training",
        memory="models.omni_sizes:memory",
        jobs="ranks",
        torch=True,
        loads=OMNI,
    ),
    Declaration(
        "train.pretrain",
        version=2,
        config="train.config:PretrainConfig",
        disk="train.disk:encoder_training",
        foresees="train.foreseen:start_mistakes",
        jobs="ranks",
        torch=True,
    ),
    Declaration(
        "train.star",
        version=5,
        config="train.star_config:StarTraining",
        disk="train.disk:encoder_training",
        jobs="ranks",
        torch=True,
    ),
    Declaration(
        "train.structure", version=2, config="train.star_config:StructureConfig", mb=2, remade=True, torch=True
    ),
    Declaration(
        "train.whisper",
        version=3,
        config="train.whisper_config:WhisperTraining",
        mb=60000,  # of a Whisper of unknown size as much as of a student of large-v2
        disk="train.disk:whisper_training",
        jobs="ranks",
        torch=True,
    ),
    # 40 MB per hour: 64 tokens, each window shown in four ways, twice, as shards are joined.
    Declaration(
        "train.soft_labels",
        version=2,
        config="train.whisper_config:WhisperTraining",
        reads=("objective", "data"),
        mb=20,
        mb_per_hour=40,
        jobs="array",
        torch=True,
    ),
)
