# Short names for what run.py does; `python3 run.py --help` has all commands.
.PHONY: dev db-fresh db-reset db-status db-seed demo test clean

dev:        ## server if needed, migrations, workers, web; Ctrl-C stops all of it
	python3 run.py up

db-fresh:   ## our database on the embedded server anew, migrated and seeded; does not ask
	python3 run.py db fresh

db-reset:   ## delete all data and start over; asks, and refuses databases of other machines
	python3 run.py db reset

db-status:
	python3 run.py db status

db-seed:
	python3 run.py db seed

demo:
	python3 run.py demo

test:
	python3 run.py test

clean:      ## what the programs made; the data in .rowmill stays (db-reset deletes that)
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
