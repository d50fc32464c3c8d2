# The base is named by tag: pin its digest in your own registry (docker buildx imagetools inspect python:3.11-slim-bookworm).
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/gateway
COPY requirements/build.lock requirements/runtime.lock requirements/
RUN /opt/gateway/bin/pip install --require-hashes -r requirements/build.lock -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN /opt/gateway/bin/pip install --no-deps --no-build-isolation . \
    && /opt/gateway/bin/python -m compileall -q /opt/gateway/lib


FROM python:3.11-slim-bookworm

RUN groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid gateway --no-create-home --home-dir /data --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 0700 /data
COPY --from=build /opt/gateway /opt/gateway
# For `gateway salesforce setup` and `preflight`.
COPY salesforce_metadata /opt/gateway/salesforce_metadata

# Nothing is written outside /data (SQLite only) and /tmp, so the container runs with a read-only root file system.
ENV PATH=/opt/gateway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GATEWAY_CONFIG=/etc/gateway/gateway.toml
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080

# Liveness only: readiness belongs to the load balancer (/readyz).
HEALTHCHECK --interval=30s --timeout=10s --start-period=15s --retries=3 CMD ["gateway", "health"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["serve"]
