"""Use cases: one module each, written as functions over the domain and its ports. No input or output of their own."""
