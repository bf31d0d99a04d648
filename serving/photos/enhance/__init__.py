"""A better version of a photo: arrays in, arrays out; one file for each operation."""
