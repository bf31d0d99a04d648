"""Design kits that come with the studio: YAML, meshes and textures."""
