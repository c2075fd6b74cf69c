# Two images from one file: `ordereats`, which serves any group of services, and `gateway`.
# docs/containers.md says how to build and to run them. There is no BuildKit-only word in here, so
# that every engine builds it.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# What builds the wheel. It stays in this stage.
COPY requirements/build.lock requirements/
RUN python -m venv tools \
	&& tools/bin/pip install --quiet --require-hashes --requirement requirements/build.lock

# What serves: wheels by their hashes, and no installer beside them.
COPY requirements/serve.lock requirements/
RUN python -m venv --without-pip /opt/ordereats \
	&& python -m pip --python /opt/ordereats/bin/python install --quiet --no-compile \
		--no-deps --only-binary=:all: --require-hashes --requirement requirements/serve.lock

COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN tools/bin/hatchling build --target wheel --directory dist \
	&& python -m pip --python /opt/ordereats/bin/python install --quiet --no-compile --no-deps \
		--no-index dist/*.whl

# `all`, or the services of a slice with spaces between them.
ARG SERVICES=all
COPY deploy/image deploy/image
RUN python deploy/image/slice.py /opt/ordereats $SERVICES \
	&& python deploy/image/bill_of_materials.py /opt/ordereats /opt/ordereats/sbom.cdx.json \
	&& cp deploy/image/healthy.py /opt/ordereats/healthy.py \
	&& python deploy/image/strip.py /opt/ordereats \
	&& /opt/ordereats/bin/python deploy/image/compile.py \
	&& /opt/ordereats/bin/ordereats gateway-files /build/gateway \
	&& mkdir /build/data

FROM caddy:2.11 AS gateway
LABEL org.opencontainers.image.title="OrderEats: the gateway" \
	org.opencontainers.image.description="Caddy, with the rules by which OrderEats is reached." \
	org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /build/gateway /etc/caddy
ENV HOST=0.0.0.0 PORT=3000 DOCUMENTS=/etc/caddy
USER 10001:10001
EXPOSE 3000
CMD ["caddy", "run", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile"]

FROM python:3.13-slim AS ordereats
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="OrderEats" \
	org.opencontainers.image.description="A food-delivery platform: any group of its services." \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$REVISION" \
	org.opencontainers.image.base.name="python:3.13-slim"
COPY --from=build /opt/ordereats /opt/ordereats
# A volume that is mounted here belongs to who runs; only the sandbox keeps anything.
COPY --from=build --chown=10001:10001 /build/data /var/lib/ordereats
ENV PATH=/opt/ordereats/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
	HOST=0.0.0.0 PORT=3000 ORDEREATS_HOME=/var/lib/ordereats
WORKDIR /var/lib/ordereats
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
	CMD ["python", "-IS", "/opt/ordereats/healthy.py", "3000", "/health/ready"]
ENTRYPOINT ["ordereats"]
CMD ["serve", "all"]
