"""Takes in the beat tracker: weights from outside, judged on music made here."""
