"""What a check answers: whether a program is right, and if not, what is wrong with it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Answer:
    """True if the program is right; as text it is one sentence.

    Attributes:
        right: whether it is.
        sentence: what was tried, or what is wrong.
    """

    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'Right' if self.right else 'Not yet'}: {self.sentence}"


class Wrong(Exception):
    """A program is wrong, for the reason that this says; no reader sees it as an error."""

    def answer(self) -> Answer:
        """The same as an answer."""
        return Answer(False, str(self))
