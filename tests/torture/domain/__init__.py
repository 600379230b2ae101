"""The domain that torture runs on: effects without any unique key, so that none can hide that it came twice."""
