"""The dataset: what photos there are, which may be trained on and which are held back."""
