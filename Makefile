.PHONY: demo test clean

demo:
	python3 run.py demo

test:
	python3 run.py test

clean:
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
