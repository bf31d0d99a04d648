"""The segmenter: what every pixel shows, taught by a larger network and by synthetic rooms."""
