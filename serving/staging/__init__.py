"""Virtual staging: what a room is, what is cleared from it and what is put into it.

Arrays and values in, arrays and values out; models and renderers arrive as arguments.
"""
