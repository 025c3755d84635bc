"""From pairs of texts to tensors."""

from collections.abc import Sequence

import torch
from tokenizers import Encoding

from indexes.documents import Span
from training.reader_model import Batch
from training.reader_pairs import Pair


def collate(pairs: Sequence[Pair], encoded: Sequence[Encoding], device: str) -> Batch:
    """Return a batch; an answer that was cut off makes its pair one without an answer's place."""
    shape = (len(pairs), max(len(one.ids) for one in encoded))
    ids, mask, types = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    inside, starts, ends = (torch.zeros(shape, dtype=torch.bool) for _ in range(3))
    for row, (pair, one) in enumerate(zip(pairs, encoded, strict=True)):
        length = len(one.ids)
        ids[row, :length] = torch.tensor(one.ids)
        mask[row, :length] = 1
        types[row, :length] = torch.tensor(one.type_ids)
        places = inside_places(one, pair.inside)
        inside[row, places] = True
        for first, last in filter(None, (tokens_of(one, places, span) for span in pair.answers)):
            starts[row, first] = True
            ends[row, last] = True
    answers = torch.tensor([float(bool(pair.answers)) for pair in pairs])
    tensors = (ids, mask, types, inside, starts, ends, answers)
    return Batch(*(tensor.to(device) for tensor in tensors))


def inside_places(encoded: Encoding, inside: Span) -> list[int]:
    """Return the places of the tokens of the second text that lie in `inside`, in order."""
    return [
        place
        for place, (sequence, (start, end)) in enumerate(
            zip(encoded.sequence_ids, encoded.offsets, strict=True)
        )
        if sequence == 1 and inside.start <= start < end <= inside.end
    ]


def tokens_of(encoded: Encoding, places: Sequence[int], span: Span) -> tuple[int, int] | None:
    """Return the places of the first and last token that a span touches, None if it was cut off."""
    offsets = encoded.offsets
    touched = [
        place for place in places if offsets[place][0] < span.end and span.start < offsets[place][1]
    ]
    if not touched or offsets[touched[-1]][1] < span.end:
        return None
    return touched[0], touched[-1]
