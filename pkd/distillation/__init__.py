"""The method: recipe, losses, layer maps and teacher signals."""
