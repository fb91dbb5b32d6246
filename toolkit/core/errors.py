"""The two exceptions a step may end with on purpose."""


class UserError(Exception):
    """A mistake its user can mend; printed without a traceback.

    Args:
        what: what is wrong, in a sentence.
        where: file, line, id or field in which it is.
        remedy: what to do about it.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)
