# The service on a CPU: docker build -t gluon-pix2pix . && docker run -p 127.0.0.1:8000:8000 gluon-pix2pix
# With a model of one's own: docker run -v "$PWD/exports/mine:/models/mine:ro" ... gluon-pix2pix --model /models/mine
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY gluon_pix2pix gluon_pix2pix
RUN python -m venv /opt/pix2pix && /opt/pix2pix/bin/pip install --no-cache-dir '.[cpu,onnx,serve]'

FROM python:3.11-slim-bookworm
# MXNet links both.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1=12.* libquadmath0=12.* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home pix2pix
COPY --from=build /opt/pix2pix /opt/pix2pix
USER 10001
ENV PATH=/opt/pix2pix/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["gluon-pix2pix", "serve", "--host", "0.0.0.0", "--gpu", "-1"]
CMD ["--model", "facades"]
