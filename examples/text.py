"""Find what people write about, and the messages that are nearest to a new one.

python examples/text.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import isthmus
from isthmus.plots import draw_topics

WORDS = {
    "delivery": "parcel courier late tracking address doorstep came depot driver box",
    "payment": "card charged twice invoice refund bank statement amount fee account",
    "login": "password reset code screen locked browser email username expired link",
    "quality": "broken scratch screw handle colour seam zip fabric stain button",
}
OFTEN = ["please", "hello", "order", "thanks", "help", "today", "still", "again"]


def messages(count: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Messages of one subject each, a fifth of whose words are on another."""
    subjects = [words.split() for words in WORDS.values()]
    of = rng.integers(len(subjects), size=count)
    found = []
    for k in of:
        other = subjects[rng.integers(len(subjects))]
        words = [*rng.choice(subjects[k], 8), *rng.choice(other, 2)]
        found.append(" ".join(rng.permutation([*words, *rng.choice(OFTEN, 4)])))
    return found, of


def main(out: Path) -> tuple[float, float]:
    """Shares of words in their topic, and of nearest messages of the same subject."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    known, new = messages(400, rng), messages(100, rng)
    model = isthmus.topics(4, epochs=20, verbose=0).fit(known[0])
    topics = isthmus.topic_words(model, top=10)
    for k, words in enumerate(topics):
        print(f"topic {k}:", *words)
    lists = [set(words.split()) for words in WORDS.values()]
    right = np.mean([max(len(set(t) & s) for s in lists) / 10 for t in topics])

    _, places = isthmus.nearest(model, *(part[0] for part in (known, new)))
    same = (known[1][places] == new[1][:, None]).mean()
    print(f"{same:.0%} of the nearest messages are on the same subject")
    shares = model.transform(known[0])
    draw_topics(out / "text.png", *isthmus.topic_weights(model), shares=shares)
    print(f"wrote {out / 'text.png'}")
    return float(right), float(same)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Find topics.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
