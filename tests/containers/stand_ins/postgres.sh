#!/bin/bash
# What the official image's entrypoint promises, as far as it is used here: a fresh folder becomes a
# server with POSTGRES_USER, POSTGRES_PASSWORD(_FILE) and POSTGRES_DB, which asks for the password.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
	file=${POSTGRES_PASSWORD_FILE:-/dev/stdin}
	initdb --username="$user" --pwfile="$file" --auth=scram-sha-256 --auth-local=trust
	printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
	pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses=''" start
	if [ "$database" != postgres ]; then
		psql --username="$user" --dbname=postgres --command="create database \"$database\""
	fi
	pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
