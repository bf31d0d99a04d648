"""The saliency model: weights from outside, packed for serving."""
