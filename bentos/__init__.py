import os

# BentoML has every process count into files of one folder, which the next server on this machine
# clears; we count in memory. prometheus_client reads this when it is imported.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
