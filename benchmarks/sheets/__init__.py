"""How large sheets behave: reading, editing and filling in a million cells, and a live feed with many clients."""
