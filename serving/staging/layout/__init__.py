"""Where furniture goes: free floor, walls and doors in, a plan in room coordinates out."""
