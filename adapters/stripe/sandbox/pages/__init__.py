"""Templates and style of the hosted checkout pages; a package so that they are installed with the code."""
