"""Pages of text documents, as the program that wrote a file had last laid them out."""

from collections.abc import Sequence

from indexes.documents import Page, Span


def rendered_pages(
    text: str, end: int, breaks: Sequence[tuple[int, bool]], stated: int | None
) -> tuple[Page, ...]:
    """Return the pages of `text[:end]`, none where the file does not know them for certain.

    `breaks` are the places where a page begins, and whether the layout put it there rather than
    the author. They hold only where there are as many pages as the program counted (`stated`):
    many programs write the text anew and leave the breaks, or some of them, where they were.
    """
    for chosen in (breaks, [one for one in breaks if one[1]]):
        starts = _starts(text, end, chosen)
        if len(starts) == stated:
            ends = [*starts[1:], end]
            return tuple(
                Page(number, Span(start, start + len(text[start:stop].rstrip())))
                for number, (start, stop) in enumerate(zip(starts, ends, strict=True), start=1)
            )
    return ()


def _starts(text: str, end: int, breaks: Sequence[tuple[int, bool]]) -> list[int]:
    """Return where pages begin; a break of the author's and its rendering are one."""
    starts, by_author = [0], False
    for place, rendered in breaks:
        start = _next_word(text, place, end)
        same = start == starts[-1] and len(starts) > 1 and (rendered and by_author)
        if not same:
            starts.append(start)
        by_author = not rendered
    return starts


def _next_word(text: str, place: int, end: int) -> int:
    while place < end and text[place].isspace():
        place += 1
    return place
