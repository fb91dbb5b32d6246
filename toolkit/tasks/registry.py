"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    # 400 MB per hour: the features of two rows, of networks of 3 layers and width 128.
    Declaration(
        "tasks.fit",
        version=2,
        config="tasks.config:TasksConfig",
        mb=20,
        mb_per_hour=400,
        scratch=True,
        jobs="array",
        rows=True,
    ),
)
