"""Options of a run: a parser for each, from text, numbers and lists."""
