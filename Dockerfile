# One image, any role: `docker run eungdapso run --role router`. Runs as a user that is not root and writes nothing but
# /app/var and /tmp. The shipped pipeline.toml listens on 127.0.0.1; to be reached from outside, mount one with
# host = "0.0.0.0" at /app/pipeline.toml, as compose.yaml does.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 eungdapso \
    && useradd --system --uid 10001 --gid 10001 --home-dir /app --shell /usr/sbin/nologin eungdapso \
    && mkdir -p /app/var && chown 10001:10001 /app/var && chmod 700 /app/var
WORKDIR /app
COPY --from=build /venv /venv
COPY cases cases
COPY classifiers classifiers
COPY config config
COPY connectors connectors
COPY core core
COPY pipeline pipeline
COPY router router
COPY sinks sinks
COPY streams streams
COPY web web
COPY pipeline.toml pyproject.toml LICENSE ./
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# By number: who runs it can see that it is not root.
USER 10001:10001
VOLUME /app/var
EXPOSE 8120 8025
# Of what has pages; router and sinks answer at [health] port.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8120/healthz', timeout=2)"]
# `python -m pipeline` and not the console script: the working folder comes first on the path, so that no other
# distribution's `config` can stand before ours.
ENTRYPOINT ["python", "-m", "pipeline"]
CMD ["run"]
