"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    # 3,600 MB per hour: the frames of one network of base size, where no config tells its size.
    Declaration(
        "tasks.fit",
        version=8,
        config="tasks.config:TasksConfig",
        mb=20,
        mb_per_hour=3600,
        scratch=True,
        disk="tasks.room:planned_disk",
        takes=("data", "model"),
        foresees="tasks.foreseen:set_mistakes",
        jobs="array",
        rows=True,
        torch=True,
    ),
)
