"""Template, style and script of the inbox; a package so that they are installed with the code."""
