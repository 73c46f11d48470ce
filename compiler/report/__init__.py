"""nc report: one self-contained page of builds, comparisons and explorations; no request leaves it."""
