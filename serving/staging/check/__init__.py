"""Whether a staged photo is fit to be shown, told from the picture itself."""
