"""Where a detector fails: kinds of errors, confusion, precision and recall by score threshold."""
