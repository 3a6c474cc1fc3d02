"""Template and style of the console; a package so that they are installed with the code."""
