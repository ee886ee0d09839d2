"""From images, folders and videos to results: sources, pipeline, model, writer."""
