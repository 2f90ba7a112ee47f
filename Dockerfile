# The image of the observer. docs/containers.md says how to build and run it.

# Both stages begin with it: a Python 3.11 or newer that can make environments, and useradd.
# A tag moves on with security updates; for builds that repeat exactly, add the digest: python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm


FROM ${BASE} AS build

# Where packages come from, if not from where pip looks by itself. What has a password in it belongs into a pip.conf that
# is given as the secret `pip`; it may name the secret `ca`, /run/secrets/ca, as its `cert`.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST

# What is installed beside the observer: all it needs, the packages of all its sinks included, and nothing else.
ARG REQUIREMENTS=requirements.runtime.lock

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1
WORKDIR /build
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/webrtc-observer

COPY requirements.*.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    tools/bin/pip install --require-hashes -r requirements.build.lock && \
    tools/bin/pip wheel --require-hashes --no-build-isolation --wheel-dir wheels -r "${REQUIREMENTS}"

COPY . source
# The second client that kubernetes brings, for asyncio, is half of its 120 MB, and nothing here asks for it.
# Bytecode is made here, because nobody can write it later, and is not held against the time stamps of the sources,
# because some builders change those.
RUN tools/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir wheels ./source && \
    tools/bin/pip --python /opt/webrtc-observer/bin/python3 install --no-index --no-deps wheels/*.whl && \
    tools/bin/pip --python /opt/webrtc-observer/bin/python3 check && \
    rm -r /opt/webrtc-observer/lib/python3*/site-packages/kubernetes/aio && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/webrtc-observer/lib && \
    install -m 0644 source/deploy/image/healthy.py /opt/webrtc-observer/healthy.py


FROM ${BASE}

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="webrtc-observer" \
      org.opencontainers.image.description="Observes WebRTC calls: samples in; events, matches and reports out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=build /opt/webrtc-observer /opt/webrtc-observer

# The folders belong to the user, so that a new volume there does too. Some bases come without the bytecode of Python's
# own library: `import` makes it for what the observer uses of it.
RUN groupadd --gid 10001 webrtc-observer && \
    useradd --uid 10001 --gid 10001 --no-log-init --no-create-home \
            --home-dir /var/lib/webrtc-observer --shell /usr/sbin/nologin webrtc-observer && \
    install -d -m 0750 -o 10001 -g 10001 /etc/webrtc-observer /etc/webrtc-observer/tls /var/lib/webrtc-observer && \
    /opt/webrtc-observer/bin/python3 -c "import http.client, observer.main, observer.node"

ENV PATH=/opt/webrtc-observer/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER 10001:10001
WORKDIR /var/lib/webrtc-observer
# Samples, health and metrics, the other nodes.
EXPOSE 7080 7081 5601
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-I", "-S", "/opt/webrtc-observer/healthy.py"]
ENTRYPOINT ["webrtc-observer"]
CMD ["run", "--config", "/etc/webrtc-observer/observer.yaml"]
