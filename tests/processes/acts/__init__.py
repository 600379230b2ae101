"""More acts for `toy.act`, as a domain of its own, so that worker processes can be told to load them."""
