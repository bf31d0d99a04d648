"""A backend as it should be: receives our webhooks, verifies them, counts each event once."""
