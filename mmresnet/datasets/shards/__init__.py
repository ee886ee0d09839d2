"""Data sets in shards: tar files of many images, in a folder or an S3-compatible object store."""
