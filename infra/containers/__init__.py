"""What the images are made of: the Dockerfile, and the two small programs that it runs."""
