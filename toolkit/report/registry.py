"""The step of this room. It makes tables of its inputs in seconds, so a stale table is made anew."""

from ..core.registry import Declaration

STEPS = (Declaration("report", version=9, config="report.config:ReportConfig", mb=5, remade=True),)
